ALTER TYPE "public"."challenge_purpose" ADD VALUE 'PASSKEY_REGISTRATION';--> statement-breakpoint
ALTER TYPE "public"."challenge_purpose" ADD VALUE 'PASSKEY_LOGIN';--> statement-breakpoint
ALTER TABLE "factors" ADD COLUMN "credential_id" text;--> statement-breakpoint
ALTER TABLE "factors" ADD COLUMN "public_key" text;--> statement-breakpoint
ALTER TABLE "factors" ADD COLUMN "sign_count" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "factors" ADD COLUMN "is_synced" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "factors" ADD CONSTRAINT "factors_credential_id_unique" UNIQUE("credential_id");