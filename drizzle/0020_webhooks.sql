CREATE TYPE "public"."delivery_status" AS ENUM('PENDING', 'DELIVERED', 'FAILED');--> statement-breakpoint
CREATE TABLE "webhook_deliveries" (
	"webhook_id" uuid NOT NULL,
	"event_id" bigint NOT NULL,
	"user_id" uuid,
	"status" "delivery_status" DEFAULT 'PENDING' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_attempt_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_result" varchar(60),
	"expires_at" timestamp with time zone DEFAULT now() + interval '72 hours' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "webhook_deliveries_webhook_id_event_id_pk" PRIMARY KEY("webhook_id","event_id")
);
--> statement-breakpoint
CREATE TABLE "webhook_events" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "webhook_events_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"message_id" uuid DEFAULT gen_random_uuid() NOT NULL,
	"type" varchar(40) NOT NULL,
	"user_id" uuid,
	"data" jsonb NOT NULL,
	"xid" bigint DEFAULT pg_current_xact_id()::text::bigint NOT NULL,
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "webhooks" (
	"id" uuid PRIMARY KEY NOT NULL,
	"url" text,
	"types" text[],
	"secrets" text,
	"disabled_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_webhook_id_webhooks_id_fk" FOREIGN KEY ("webhook_id") REFERENCES "public"."webhooks"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_event_id_webhook_events_id_fk" FOREIGN KEY ("event_id") REFERENCES "public"."webhook_events"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "webhook_deliveries_due_index" ON "webhook_deliveries" USING btree ("webhook_id","next_attempt_at","event_id") WHERE "webhook_deliveries"."status" = 'PENDING';--> statement-breakpoint
CREATE INDEX "webhook_deliveries_user_index" ON "webhook_deliveries" USING btree ("webhook_id","user_id","event_id") WHERE "webhook_deliveries"."status" = 'PENDING';--> statement-breakpoint
CREATE INDEX "webhook_deliveries_event_index" ON "webhook_deliveries" USING btree ("event_id");--> statement-breakpoint
CREATE INDEX "webhook_events_xid_index" ON "webhook_events" USING btree ("xid","id");--> statement-breakpoint
CREATE INDEX "webhook_events_user_id_index" ON "webhook_events" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "webhook_events_at_index" ON "webhook_events" USING btree ("at");--> statement-breakpoint
-- Keeps an event for other systems, and promises it to each webhook that wants it. Triggers call it in the transaction of the
-- change, so that plain SQL counts too. Without a webhook it keeps nothing. The search path is pinned for a restore, which empties it.
CREATE FUNCTION announce_event(event_type text, about uuid, details jsonb) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  new_id bigint;
BEGIN
  IF NOT EXISTS (SELECT FROM webhooks WHERE disabled_at IS NULL) THEN
    RETURN;
  END IF;
  INSERT INTO webhook_events (type, user_id, data) VALUES (event_type, about, details) RETURNING id INTO new_id;
  INSERT INTO webhook_deliveries (webhook_id, event_id, user_id)
    SELECT id, new_id, about FROM webhooks
    WHERE url IS NOT NULL AND disabled_at IS NULL AND (types IS NULL OR event_type = ANY (types));
END
$$;
--> statement-breakpoint
CREATE FUNCTION announce_user() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  changed text[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM announce_event('user.created', NEW.id, '{}');
    RETURN NULL;
  ELSIF TG_OP = 'DELETE' THEN
    -- An account that no other transaction has seen was never there: a registration of a reserved address.
    DELETE FROM webhook_events
      WHERE user_id = OLD.id AND type = 'user.created' AND xid = pg_current_xact_id()::text::bigint;
    IF NOT FOUND THEN
      PERFORM announce_event('user.deleted', OLD.id, '{}');
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
    PERFORM announce_event('user.updated', NEW.id, jsonb_build_object('changed', to_jsonb(changed)));
  END IF;
  IF NEW.email_verified AND NOT OLD.email_verified THEN
    PERFORM announce_event('user.email_verified', NEW.id, '{}');
  END IF;
  IF NEW.disabled_at IS NOT NULL AND OLD.disabled_at IS NULL THEN
    PERFORM announce_event('user.disabled', NEW.id, '{}');
  END IF;
  -- A sign-in hashes the same password again if its cost is outdated (src/auth/sign-in/sign-in-endpoint.ts).
  IF NEW.password IS DISTINCT FROM OLD.password AND current_setting('servauth.rehash', true) IS DISTINCT FROM 'on' THEN
    PERFORM announce_event('password.changed', NEW.id, '{}');
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER users_announce AFTER INSERT ON "users"
  FOR EACH ROW EXECUTE FUNCTION announce_user();
--> statement-breakpoint
-- At the end of the transaction: after the sessions and factors that the database deletes with the user.
CREATE CONSTRAINT TRIGGER users_announce_end AFTER DELETE ON "users" DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION announce_user();
--> statement-breakpoint
CREATE TRIGGER users_announce_change AFTER UPDATE ON "users"
  FOR EACH ROW WHEN (
    (OLD.email, OLD.pending_email, OLD.username, OLD.locale, OLD.email_verified, OLD.disabled_at, OLD.password,
      OLD.roles, OLD.claims)
      IS DISTINCT FROM
    (NEW.email, NEW.pending_email, NEW.username, NEW.locale, NEW.email_verified, NEW.disabled_at, NEW.password,
      NEW.roles, NEW.claims)
  )
  EXECUTE FUNCTION announce_user();
--> statement-breakpoint
CREATE FUNCTION announce_session() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM announce_event('session.started', NEW.user_id, jsonb_build_object('sessionId', NEW.id));
  ELSIF TG_OP = 'DELETE' THEN
    PERFORM announce_event('session.ended', OLD.user_id,
      jsonb_build_object('sessionId', OLD.id, 'expired', OLD.expires_at <= now()));
  ELSE
    PERFORM announce_event('session.ended', NULL, '{"all": true}');
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER sessions_announce AFTER INSERT OR DELETE ON "sessions"
  FOR EACH ROW EXECUTE FUNCTION announce_session();
--> statement-breakpoint
CREATE TRIGGER sessions_announce_truncate AFTER TRUNCATE ON "sessions"
  FOR EACH STATEMENT EXECUTE FUNCTION announce_session();
--> statement-breakpoint
-- A removed factor stays for a while, so that its removal can be undone.
CREATE FUNCTION announce_factor() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  was_there boolean := TG_OP <> 'INSERT' AND OLD.removed_at IS NULL;
  is_there boolean := TG_OP <> 'DELETE' AND NEW.removed_at IS NULL;
BEGIN
  IF is_there AND NOT was_there THEN
    PERFORM announce_event('factor.added', NEW.user_id, jsonb_build_object('factorId', NEW.id, 'kind', NEW.kind));
  ELSIF was_there AND NOT is_there THEN
    PERFORM announce_event('factor.removed', OLD.user_id, jsonb_build_object('factorId', OLD.id, 'kind', OLD.kind));
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER factors_announce AFTER INSERT OR DELETE OR UPDATE OF "removed_at" ON "factors"
  FOR EACH ROW EXECUTE FUNCTION announce_factor();
--> statement-breakpoint
-- A reused refresh token leaves no other trace than the event of the account.
CREATE FUNCTION announce_reuse() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM announce_event('refresh.reused', NEW.user_id, '{}');
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER events_announce_reuse AFTER INSERT OR UPDATE ON "events"
  FOR EACH ROW WHEN (NEW.kind = 'refresh_reused' AND NEW.user_id IS NOT NULL)
  EXECUTE FUNCTION announce_reuse();
