CREATE TYPE "public"."challenge_purpose" AS ENUM('SIGN_IN', 'TOTP_ENROLLMENT');--> statement-breakpoint
CREATE TYPE "public"."factor_kind" AS ENUM('TOTP', 'PASSKEY');--> statement-breakpoint
CREATE TABLE "challenges" (
	"id" uuid PRIMARY KEY NOT NULL,
	"purpose" "challenge_purpose" NOT NULL,
	"user_id" uuid,
	"session_id" uuid,
	"transport" "session_transport",
	"password_digest" varchar(64),
	"secret" text,
	"expires_at" timestamp with time zone NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "factors" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"user_id" uuid NOT NULL,
	"kind" "factor_kind" NOT NULL,
	"name" varchar(100),
	"secret" text,
	"last_step" integer,
	"last_used_at" timestamp with time zone,
	"removed_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "recovery_codes" (
	"user_id" uuid NOT NULL,
	"hash" varchar(64) NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "recovery_codes_user_id_hash_pk" PRIMARY KEY("user_id","hash")
);
--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "factor_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "amr" varchar(64) DEFAULT 'pwd' NOT NULL;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "second_factor_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "challenges" ADD CONSTRAINT "challenges_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "challenges" ADD CONSTRAINT "challenges_session_id_sessions_id_fk" FOREIGN KEY ("session_id") REFERENCES "public"."sessions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "factors" ADD CONSTRAINT "factors_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "recovery_codes" ADD CONSTRAINT "recovery_codes_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "challenges_user_id_index" ON "challenges" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "challenges_session_id_index" ON "challenges" USING btree ("session_id");--> statement-breakpoint
CREATE INDEX "challenges_expires_at_index" ON "challenges" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "factors_user_id_index" ON "factors" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "factors_removed_at_index" ON "factors" USING btree ("removed_at") WHERE "factors"."removed_at" is not null;--> statement-breakpoint
-- `users.second_factor_at` says whether a sign-in needs a factor. A trigger, so that a change by plain SQL counts too,
-- and a column of users, so that a sign-in that waited for the lock of the account reads the newest value.
CREATE FUNCTION keep_second_factor_at() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  owner uuid := CASE TG_OP WHEN 'DELETE' THEN OLD.user_id ELSE NEW.user_id END;
BEGIN
  UPDATE users SET second_factor_at = first.at
    FROM (SELECT min(created_at) AS at FROM factors WHERE user_id = owner AND removed_at IS NULL) AS first
    WHERE id = owner AND second_factor_at IS DISTINCT FROM first.at;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER factors_keep_second_factor_at AFTER INSERT OR DELETE OR UPDATE OF removed_at ON "factors"
  FOR EACH ROW EXECUTE FUNCTION keep_second_factor_at();
