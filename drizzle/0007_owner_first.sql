ALTER TYPE "public"."mail_status" ADD VALUE 'SKIPPED';--> statement-breakpoint
ALTER TYPE "public"."token_purpose" ADD VALUE 'EMAIL_CHANGE_CANCEL';--> statement-breakpoint
ALTER TYPE "public"."token_purpose" ADD VALUE 'SIGN_IN_REPORT';--> statement-breakpoint
CREATE TABLE "places" (
	"user_id" uuid NOT NULL,
	"place" varchar(64) NOT NULL,
	"signed_in_at" timestamp with time zone,
	"seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "places_user_id_place_pk" PRIMARY KEY("user_id","place")
);
--> statement-breakpoint
CREATE TABLE "registrations" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"password" varchar(255) NOT NULL,
	"profile" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
DROP INDEX "events_user_id_created_at_index";--> statement-breakpoint
DROP INDEX "events_created_at_index";--> statement-breakpoint
ALTER TABLE "events" ADD COLUMN "origin" varchar(64) DEFAULT gen_random_uuid()::text NOT NULL;--> statement-breakpoint
ALTER TABLE "events" ADD COLUMN "day" date DEFAULT (now() at time zone 'utc')::date NOT NULL;--> statement-breakpoint
ALTER TABLE "events" ADD COLUMN "count" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "events" ADD COLUMN "last_at" timestamp with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "mail_outbox" ADD COLUMN "count" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "mail_outbox" ADD COLUMN "network" varchar(64);--> statement-breakpoint
ALTER TABLE "mail_outbox" ADD COLUMN "device" varchar(64);--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "token_used_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "pending_session_id" uuid;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "password_locked_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "verification" ADD COLUMN "resent_known_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "verification" ADD COLUMN "resent_unknown_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "places" ADD CONSTRAINT "places_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "registrations" ADD CONSTRAINT "registrations_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "places_seen_at_index" ON "places" USING btree ("seen_at");--> statement-breakpoint
CREATE INDEX "registrations_user_id_index" ON "registrations" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "registrations_created_at_index" ON "registrations" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "events_user_id_last_at_index" ON "events" USING btree ("user_id","last_at","id");--> statement-breakpoint
CREATE INDEX "events_last_at_index" ON "events" USING btree ("last_at");--> statement-breakpoint
ALTER TABLE "events" ADD CONSTRAINT "events_repetition_key" UNIQUE NULLS NOT DISTINCT("user_id","kind","origin","day");--> statement-breakpoint
-- Events from before this migration are about one time each.
UPDATE "events" SET "last_at" = "created_at", "day" = ("created_at" AT TIME ZONE 'utc')::date;
--> statement-breakpoint
-- The networks from which accounts signed in lately, in the form that src/auth/throttle/places.ts gives them.
INSERT INTO "places" ("user_id", "place", "signed_in_at", "seen_at")
SELECT "user_id", 'n:' || host(network(set_masklen("ip_address"::inet, CASE family("ip_address"::inet) WHEN 4 THEN 32 ELSE 64 END))),
  max("at"), max("at")
FROM (
  SELECT "user_id", "ip_address", "created_at" AS "at" FROM "sessions"
  UNION ALL
  SELECT "user_id", "ip_address", "created_at" FROM "events"
  WHERE "kind" = 'login' AND "user_id" IN (SELECT "id" FROM "users")
) AS "signed_in"
WHERE "ip_address" IS NOT NULL AND "at" > now() - interval '90 days'
GROUP BY 1, 2;
--> statement-breakpoint
-- A pending change of address ends with the session that asked for it, however the session ends.
CREATE FUNCTION end_what_session_asked_for() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE users SET pending_email = NULL, pending_session_id = NULL
    WHERE id = OLD.user_id AND pending_session_id = OLD.id;
  IF FOUND THEN
    DELETE FROM verification
      WHERE user_id = OLD.user_id AND session_id = OLD.id AND purpose IN ('EMAIL_VERIFICATION', 'EMAIL_CHANGE_CANCEL');
    DELETE FROM mail_outbox
      WHERE user_id = OLD.user_id AND session_id = OLD.id AND status = 'PENDING' AND kind = 'email-change';
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER sessions_end_what_they_asked_for AFTER DELETE ON "sessions"
  FOR EACH ROW EXECUTE FUNCTION end_what_session_asked_for();
