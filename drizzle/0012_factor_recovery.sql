ALTER TYPE "public"."token_purpose" ADD VALUE 'FACTOR_RECOVERY';--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "factor_recovery_at" timestamp with time zone;