ALTER TABLE "registrations" DROP CONSTRAINT "registrations_user_id_users_id_fk";
--> statement-breakpoint
ALTER TABLE "registrations" ALTER COLUMN "user_id" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "registrations" ADD CONSTRAINT "registrations_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "registrations_password_index" ON "registrations" USING btree ("password");