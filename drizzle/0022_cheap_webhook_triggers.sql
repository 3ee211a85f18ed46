-- Without a webhook, a change costs one look at the empty table of webhooks, and calls no trigger function. The functions
-- name the schema instead of setting a search path, which PostgreSQL would save and restore at every call.
DO $do$
BEGIN
  EXECUTE format($body$
    CREATE FUNCTION has_webhooks() RETURNS boolean LANGUAGE plpgsql STABLE AS $$
    BEGIN
      RETURN EXISTS (SELECT FROM %1$I.webhooks WHERE disabled_at IS NULL);
    END
    $$;

    CREATE OR REPLACE FUNCTION announce_event(event_type text, about uuid, details jsonb) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
      new_id bigint;
    BEGIN
      INSERT INTO %1$I.webhook_events (type, user_id, data) VALUES (event_type, about, details) RETURNING id INTO new_id;
      INSERT INTO %1$I.webhook_deliveries (webhook_id, event_id, user_id)
        SELECT id, new_id, about FROM %1$I.webhooks
        WHERE url IS NOT NULL AND disabled_at IS NULL AND (types IS NULL OR event_type = ANY (types));
    END
    $$;

    CREATE OR REPLACE FUNCTION announce_user() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
      changed text[];
    BEGIN
      IF TG_OP = 'INSERT' THEN
        PERFORM %1$I.announce_event('user.created', NEW.id, '{}');
        RETURN NULL;
      ELSIF TG_OP = 'DELETE' THEN
        -- An account that no other transaction has seen was never there: a registration of a reserved address.
        DELETE FROM %1$I.webhook_events
          WHERE user_id = OLD.id AND type = 'user.created' AND xid = pg_current_xact_id()::text::bigint;
        IF NOT FOUND THEN
          PERFORM %1$I.announce_event('user.deleted', OLD.id, '{}');
        END IF;
        RETURN NULL;
      END IF;
      changed := array_remove(ARRAY[
        CASE WHEN NEW.email IS DISTINCT FROM OLD.email THEN 'email' END,
        CASE WHEN NEW.pending_email IS DISTINCT FROM OLD.pending_email THEN 'pendingEmail' END,
        CASE WHEN NEW.username IS DISTINCT FROM OLD.username THEN 'username' END,
        CASE WHEN NEW.locale IS DISTINCT FROM OLD.locale THEN 'locale' END,
        CASE WHEN NEW.roles IS DISTINCT FROM OLD.roles THEN 'roles' END,
        CASE WHEN NEW.claims IS DISTINCT FROM OLD.claims THEN 'claims' END,
        CASE WHEN OLD.email_verified AND NOT NEW.email_verified THEN 'emailVerified' END,
        CASE WHEN OLD.disabled_at IS NOT NULL AND NEW.disabled_at IS NULL THEN 'disabled' END
      ], NULL);
      IF cardinality(changed) > 0 THEN
        PERFORM %1$I.announce_event('user.updated', NEW.id, jsonb_build_object('changed', to_jsonb(changed)));
      END IF;
      IF NEW.email_verified AND NOT OLD.email_verified THEN
        PERFORM %1$I.announce_event('user.email_verified', NEW.id, '{}');
      END IF;
      IF NEW.disabled_at IS NOT NULL AND OLD.disabled_at IS NULL THEN
        PERFORM %1$I.announce_event('user.disabled', NEW.id, '{}');
      END IF;
      -- A sign-in hashes the same password again if its cost is outdated (src/auth/sign-in/sign-in-endpoint.ts).
      IF NEW.password IS DISTINCT FROM OLD.password AND current_setting('servauth.rehash', true) IS DISTINCT FROM 'on' THEN
        PERFORM %1$I.announce_event('password.changed', NEW.id, '{}');
      END IF;
      RETURN NULL;
    END
    $$;

    CREATE OR REPLACE FUNCTION announce_session() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'INSERT' THEN
        PERFORM %1$I.announce_event('session.started', NEW.user_id, jsonb_build_object('sessionId', NEW.id));
      ELSIF TG_OP = 'DELETE' THEN
        PERFORM %1$I.announce_event('session.ended', OLD.user_id,
          jsonb_build_object('sessionId', OLD.id, 'expired', OLD.expires_at <= now()));
      ELSE
        PERFORM %1$I.announce_event('session.ended', NULL, '{"all": true}');
      END IF;
      RETURN NULL;
    END
    $$;

    CREATE OR REPLACE FUNCTION announce_factor() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
      was_there boolean := TG_OP <> 'INSERT' AND OLD.removed_at IS NULL;
      is_there boolean := TG_OP <> 'DELETE' AND NEW.removed_at IS NULL;
    BEGIN
      IF is_there AND NOT was_there THEN
        PERFORM %1$I.announce_event('factor.added', NEW.user_id, jsonb_build_object('factorId', NEW.id, 'kind', NEW.kind));
      ELSIF was_there AND NOT is_there THEN
        PERFORM %1$I.announce_event('factor.removed', OLD.user_id, jsonb_build_object('factorId', OLD.id, 'kind', OLD.kind));
      END IF;
      RETURN NULL;
    END
    $$;

    CREATE OR REPLACE FUNCTION announce_reuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM %1$I.announce_event('refresh.reused', NEW.user_id, '{}');
      RETURN NULL;
    END
    $$;
  $body$, current_schema());
END
$do$;
--> statement-breakpoint
CREATE OR REPLACE TRIGGER users_announce AFTER INSERT ON "users"
  FOR EACH ROW WHEN (has_webhooks()) EXECUTE FUNCTION announce_user();
--> statement-breakpoint
-- Names the columns instead of comparing them, because each statement would parse the comparison. The function compares.
CREATE OR REPLACE TRIGGER users_announce_change
  AFTER UPDATE OF "email", "pending_email", "username", "locale", "email_verified", "disabled_at", "password", "roles", "claims"
  ON "users" FOR EACH ROW WHEN (has_webhooks()) EXECUTE FUNCTION announce_user();
--> statement-breakpoint
DROP TRIGGER users_announce_end ON "users";
--> statement-breakpoint
-- At the end of the transaction: after the sessions and factors that the database deletes with the user.
CREATE CONSTRAINT TRIGGER users_announce_end AFTER DELETE ON "users" DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (has_webhooks()) EXECUTE FUNCTION announce_user();
--> statement-breakpoint
CREATE OR REPLACE TRIGGER sessions_announce AFTER INSERT OR DELETE ON "sessions"
  FOR EACH ROW WHEN (has_webhooks()) EXECUTE FUNCTION announce_session();
--> statement-breakpoint
CREATE OR REPLACE TRIGGER sessions_announce_truncate AFTER TRUNCATE ON "sessions"
  FOR EACH STATEMENT WHEN (has_webhooks()) EXECUTE FUNCTION announce_session();
--> statement-breakpoint
CREATE OR REPLACE TRIGGER factors_announce AFTER INSERT OR DELETE OR UPDATE OF "removed_at" ON "factors"
  FOR EACH ROW WHEN (has_webhooks()) EXECUTE FUNCTION announce_factor();
--> statement-breakpoint
CREATE OR REPLACE TRIGGER events_announce_reuse AFTER INSERT OR UPDATE ON "events"
  FOR EACH ROW WHEN (NEW.kind = 'refresh_reused' AND NEW.user_id IS NOT NULL AND has_webhooks())
  EXECUTE FUNCTION announce_reuse();
