CREATE TYPE "public"."revocation_kind" AS ENUM('ENDED', 'CHANGED', 'ALL');--> statement-breakpoint
CREATE TABLE "revocations" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "revocations_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"kind" "revocation_kind" NOT NULL,
	"subject" uuid,
	"xid" bigint DEFAULT pg_current_xact_id()::text::bigint NOT NULL,
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
--> statement-breakpoint
CREATE INDEX "revocations_xid_index" ON "revocations" USING btree ("xid");--> statement-breakpoint
CREATE INDEX "revocations_at_index" ON "revocations" USING btree ("at");--> statement-breakpoint
-- Keeps what ended, so that services can refuse access tokens that have not expired. A trigger, so that plain SQL counts
-- too. The existing triggers NOTIFY the same changes. The search path is pinned for a restore, which empties it.
CREATE FUNCTION keep_revocation() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    INSERT INTO revocations (kind) VALUES ('ALL');
  ELSIF TG_TABLE_NAME = 'users' THEN
    INSERT INTO revocations (kind, subject) VALUES ('CHANGED', OLD.id);
  ELSIF TG_OP = 'UPDATE' AND NEW.id = OLD.id AND NEW.user_id = OLD.user_id AND NEW.expires_at > now() THEN
    INSERT INTO revocations (kind, subject) VALUES ('CHANGED', OLD.user_id);
  ELSE
    INSERT INTO revocations (kind, subject) VALUES ('ENDED', OLD.id);
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
-- An access token expires with its session and lives an hour at most, so older sessions have none.
CREATE TRIGGER sessions_keep_end AFTER DELETE ON "sessions"
  FOR EACH ROW WHEN (OLD.expires_at > now() - interval '1 hour')
  EXECUTE FUNCTION keep_revocation();
--> statement-breakpoint
CREATE TRIGGER sessions_keep_early_end AFTER UPDATE ON "sessions"
  FOR EACH ROW WHEN (
    (OLD.id, OLD.user_id) IS DISTINCT FROM (NEW.id, NEW.user_id)
    OR (NEW.expires_at < OLD.expires_at AND NEW.expires_at < now() + interval '1 hour')
  )
  EXECUTE FUNCTION keep_revocation();
--> statement-breakpoint
CREATE TRIGGER sessions_keep_truncate AFTER TRUNCATE ON "sessions"
  FOR EACH STATEMENT EXECUTE FUNCTION keep_revocation();
--> statement-breakpoint
CREATE TRIGGER users_keep_end AFTER DELETE ON "users"
  FOR EACH ROW EXECUTE FUNCTION keep_revocation();
--> statement-breakpoint
CREATE TRIGGER users_keep_change AFTER UPDATE ON "users"
  FOR EACH ROW WHEN (OLD.id <> NEW.id OR (OLD.disabled_at IS NULL AND NEW.disabled_at IS NOT NULL))
  EXECUTE FUNCTION keep_revocation();
--> statement-breakpoint
-- Also for what a replication role writes, which fires no ordinary trigger.
ALTER TABLE "sessions" ENABLE ALWAYS TRIGGER sessions_keep_end;
--> statement-breakpoint
ALTER TABLE "sessions" ENABLE ALWAYS TRIGGER sessions_keep_early_end;
--> statement-breakpoint
ALTER TABLE "sessions" ENABLE ALWAYS TRIGGER sessions_keep_truncate;
--> statement-breakpoint
ALTER TABLE "users" ENABLE ALWAYS TRIGGER users_keep_end;
--> statement-breakpoint
ALTER TABLE "users" ENABLE ALWAYS TRIGGER users_keep_change;
