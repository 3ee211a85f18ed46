-- A version of the server from before second factors, which runs beside this one during an upgrade, opens sessions after
-- the password alone. The database refuses such a session of an account with a factor. At the end of the transaction,
-- because the link that replaces lost factors removes them after it has opened the session.
CREATE FUNCTION require_second_factor() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF EXISTS (SELECT FROM users WHERE id = NEW.user_id AND second_factor_at IS NOT NULL) THEN
    RAISE EXCEPTION 'a session of this account needs a second factor' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER sessions_require_second_factor AFTER INSERT ON "sessions" DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.factor_at IS NULL) EXECUTE FUNCTION require_second_factor();
