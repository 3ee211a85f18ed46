ALTER TYPE "public"."token_purpose" ADD VALUE 'FACTOR_REMOVAL_UNDO';--> statement-breakpoint
ALTER TABLE "challenges" DROP CONSTRAINT "challenges_session_id_sessions_id_fk";
--> statement-breakpoint
DROP INDEX "challenges_session_id_index";