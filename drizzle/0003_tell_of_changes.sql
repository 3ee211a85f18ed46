-- Tells every process whose session or account is not what it was, so that none of them answers from what it
-- remembers. A trigger, so that a change by plain SQL counts too. The name of the channel stands in
-- src/db/changes.ts as well.
CREATE FUNCTION tell_of_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('servauth_changed', CASE TG_OP WHEN 'TRUNCATE' THEN '*' ELSE OLD.id::text END);
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER users_tell_of_change AFTER UPDATE OR DELETE ON "users"
  FOR EACH ROW EXECUTE FUNCTION tell_of_change();
--> statement-breakpoint
CREATE TRIGGER users_tell_of_truncate AFTER TRUNCATE ON "users"
  FOR EACH STATEMENT EXECUTE FUNCTION tell_of_change();
--> statement-breakpoint
CREATE TRIGGER sessions_tell_of_end AFTER DELETE ON "sessions"
  FOR EACH ROW EXECUTE FUNCTION tell_of_change();
--> statement-breakpoint
CREATE TRIGGER sessions_tell_of_truncate AFTER TRUNCATE ON "sessions"
  FOR EACH STATEMENT EXECUTE FUNCTION tell_of_change();
--> statement-breakpoint
-- The ordinary life of a session tells nothing: being seen, a life that gets longer, and a rotation, whose
-- predecessor stays good for the grace and is remembered for no longer. Commits that tell wait for one another.
CREATE TRIGGER sessions_tell_of_change AFTER UPDATE ON "sessions"
  FOR EACH ROW WHEN (
    (OLD.id, OLD.user_id, OLD.lineage, OLD.transport, OLD.authenticated_at)
      IS DISTINCT FROM (NEW.id, NEW.user_id, NEW.lineage, NEW.transport, NEW.authenticated_at)
    OR NEW.expires_at < OLD.expires_at
    OR NEW.last_used_at < OLD.last_used_at
    OR (
      (OLD.token, OLD.previous_token, OLD.rotated_at) IS DISTINCT FROM (NEW.token, NEW.previous_token, NEW.rotated_at)
      AND NEW.previous_token IS DISTINCT FROM OLD.token
    )
  )
  EXECUTE FUNCTION tell_of_change();
--> statement-breakpoint
-- Also for what a replication role writes, which fires no ordinary trigger.
ALTER TABLE "users" ENABLE ALWAYS TRIGGER users_tell_of_change;
--> statement-breakpoint
ALTER TABLE "users" ENABLE ALWAYS TRIGGER users_tell_of_truncate;
--> statement-breakpoint
ALTER TABLE "sessions" ENABLE ALWAYS TRIGGER sessions_tell_of_end;
--> statement-breakpoint
ALTER TABLE "sessions" ENABLE ALWAYS TRIGGER sessions_tell_of_truncate;
--> statement-breakpoint
ALTER TABLE "sessions" ENABLE ALWAYS TRIGGER sessions_tell_of_change;
