ALTER TABLE "factors" ALTER COLUMN "is_synced" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "factors" ADD COLUMN "user_handle" text;--> statement-breakpoint
ALTER TABLE "factors" ADD COLUMN "needs_password" boolean DEFAULT false NOT NULL;