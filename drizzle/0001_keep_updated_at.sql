CREATE FUNCTION keep_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at = now();
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER users_keep_updated_at BEFORE UPDATE ON "users" FOR EACH ROW EXECUTE FUNCTION keep_updated_at();
--> statement-breakpoint
CREATE TRIGGER sessions_keep_updated_at BEFORE UPDATE ON "sessions" FOR EACH ROW EXECUTE FUNCTION keep_updated_at();
