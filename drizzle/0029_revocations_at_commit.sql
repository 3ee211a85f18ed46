-- `revocations.at` is the moment of the commit, as for claims. In a transaction of an operator that stayed open, an access
-- token was issued after that moment, and services accepted it. Deletions name their session, so they need no moment.
DROP TRIGGER users_keep_change ON "users";
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER users_keep_change AFTER UPDATE ON "users" DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (OLD.id <> NEW.id OR (OLD.disabled_at IS NULL AND NEW.disabled_at IS NOT NULL))
  EXECUTE FUNCTION keep_revocation();
--> statement-breakpoint
DROP TRIGGER sessions_keep_early_end ON "sessions";
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER sessions_keep_early_end AFTER UPDATE ON "sessions" DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (
    (OLD.id, OLD.user_id) IS DISTINCT FROM (NEW.id, NEW.user_id)
    OR (NEW.expires_at < OLD.expires_at AND NEW.expires_at < now() + interval '1 hour')
  )
  EXECUTE FUNCTION keep_revocation();
--> statement-breakpoint
-- Also for what a replication role writes, which fires no ordinary trigger.
ALTER TABLE "users" ENABLE ALWAYS TRIGGER users_keep_change;
--> statement-breakpoint
ALTER TABLE "sessions" ENABLE ALWAYS TRIGGER sessions_keep_early_end;
