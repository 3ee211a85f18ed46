ALTER TABLE "mail_outbox" ADD COLUMN "locale" varchar(35);--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "locale" varchar(35);