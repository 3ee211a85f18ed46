ALTER TABLE "users" ADD COLUMN "disabled_until" timestamp with time zone;--> statement-breakpoint
CREATE INDEX "users_disabled_until_index" ON "users" USING btree ("disabled_until") WHERE "users"."disabled_until" is not null;--> statement-breakpoint
-- An account that is disabled again has no end, also by plain SQL and by replicas of the version before.
CREATE FUNCTION clear_disabled_until() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  NEW.disabled_until := NULL;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER users_clear_disabled_until BEFORE UPDATE OF disabled_at ON "users"
  FOR EACH ROW WHEN (OLD.disabled_until IS NOT NULL) EXECUTE FUNCTION clear_disabled_until();
