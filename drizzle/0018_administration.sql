ALTER TYPE "public"."token_purpose" ADD VALUE 'INVITATION';--> statement-breakpoint
CREATE TABLE "roles" (
	"name" varchar(64) PRIMARY KEY NOT NULL,
	"permissions" text[] NOT NULL,
	"changed_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
DROP INDEX "events_last_at_index";--> statement-breakpoint
ALTER TABLE "events" ADD COLUMN "actor_id" uuid;--> statement-breakpoint
ALTER TABLE "events" ADD COLUMN "actor_key" varchar(64);--> statement-breakpoint
ALTER TABLE "events" ADD COLUMN "detail" varchar(255);--> statement-breakpoint
ALTER TABLE "mail_outbox" ADD COLUMN "fault" varchar(200);--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "roles" text[] DEFAULT '{}'::text[] NOT NULL;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "claims" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "claims_changed_at" timestamp with time zone;--> statement-breakpoint
CREATE INDEX "events_newest_index" ON "events" USING btree ("last_at","id");--> statement-breakpoint
CREATE INDEX "events_actor_index" ON "events" USING btree ("last_at","id") WHERE "events"."actor_id" is not null or "events"."actor_key" is not null;--> statement-breakpoint
CREATE INDEX "users_roles_index" ON "users" USING gin ("roles") WHERE "users"."roles" <> '{}';--> statement-breakpoint
CREATE INDEX "users_created_at_index" ON "users" USING btree ("created_at","id");--> statement-breakpoint
CREATE INDEX "users_email_prefix_index" ON "users" USING btree (("email" collate "C"));--> statement-breakpoint
CREATE INDEX "users_username_prefix_index" ON "users" USING btree (lower("username" collate "C"),"id") WHERE "users"."username" is not null;--> statement-breakpoint
CREATE INDEX "users_disabled_index" ON "users" USING btree ("created_at","id") WHERE "users"."disabled_at" is not null;
--> statement-breakpoint
-- Access tokens say roles and claims, and older ones are refused. A trigger, so that plain SQL counts too. The moment
-- always increases, because tokens are compared with it in milliseconds.
CREATE FUNCTION keep_claims_changed_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.claims_changed_at = date_trunc('milliseconds',
    greatest(clock_timestamp(), OLD.claims_changed_at + interval '1 millisecond'));
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER users_keep_claims_changed_at BEFORE UPDATE ON "users"
  FOR EACH ROW WHEN ((OLD.roles, OLD.claims) IS DISTINCT FROM (NEW.roles, NEW.claims))
  EXECUTE FUNCTION keep_claims_changed_at();
--> statement-breakpoint
-- Deferred, so that `revocations.at` is the moment of the commit: tokens that were issued before it have the old claims.
CREATE CONSTRAINT TRIGGER users_keep_claims_change AFTER UPDATE ON "users" DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (OLD.claims_changed_at IS DISTINCT FROM NEW.claims_changed_at)
  EXECUTE FUNCTION keep_revocation();
--> statement-breakpoint
CREATE FUNCTION keep_role_changed_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.changed_at = clock_timestamp();
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER roles_keep_changed_at BEFORE INSERT OR UPDATE ON "roles"
  FOR EACH ROW EXECUTE FUNCTION keep_role_changed_at();
--> statement-breakpoint
-- A role changes the tokens of all its holders. If there are many, all tokens are refused: clients refresh by themselves.
CREATE FUNCTION keep_role_change() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  changed text := CASE TG_OP WHEN 'DELETE' THEN OLD.name ELSE NEW.name END;
  holders uuid[] := ARRAY(SELECT id FROM users WHERE roles <> '{}' AND roles @> ARRAY[changed] LIMIT 1001);
BEGIN
  IF cardinality(holders) > 1000 THEN
    INSERT INTO revocations (kind) VALUES ('ALL');
  ELSE
    INSERT INTO revocations (kind, subject) SELECT 'CHANGED', unnest(holders);
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER roles_keep_change AFTER INSERT OR UPDATE OR DELETE ON "roles" DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION keep_role_change();
--> statement-breakpoint
-- Replicas have the roles in memory. The payload is no id, so it means that anything may have changed.
CREATE FUNCTION notify_of_roles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('servauth_changed', '*');
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER roles_notify AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON "roles"
  FOR EACH STATEMENT EXECUTE FUNCTION notify_of_roles();
--> statement-breakpoint
-- Also for what a replication role writes, which fires no ordinary trigger.
ALTER TABLE "users" ENABLE ALWAYS TRIGGER users_keep_claims_change;
--> statement-breakpoint
ALTER TABLE "roles" ENABLE ALWAYS TRIGGER roles_keep_change;
--> statement-breakpoint
ALTER TABLE "roles" ENABLE ALWAYS TRIGGER roles_notify;
