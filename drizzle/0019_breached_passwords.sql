ALTER TABLE "users" ADD COLUMN "password_breached_at" timestamp with time zone;--> statement-breakpoint
-- A mark is of one password. A trigger, so that a change by plain SQL counts too.
CREATE FUNCTION clear_password_breached_at() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  NEW.password_breached_at := NULL;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER users_clear_password_breached_at BEFORE UPDATE OF password ON "users"
  FOR EACH ROW WHEN (OLD.password IS DISTINCT FROM NEW.password) EXECUTE FUNCTION clear_password_breached_at();
