-- A user has at most a hundred live sessions; the oldest end. Here, and not in the statement that makes one:
-- this looks at what is there once that statement has got its lock, after others that were at it.
CREATE FUNCTION keep_newest_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM sessions WHERE id IN (
    SELECT session.id FROM (SELECT DISTINCT user_id FROM made) AS owner, LATERAL (
      SELECT id FROM sessions WHERE user_id = owner.user_id AND expires_at > now()
      ORDER BY id IN (SELECT id FROM made) DESC, created_at DESC, id DESC OFFSET 100
    ) AS session
  );
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER sessions_keep_newest AFTER INSERT ON "sessions" REFERENCING NEW TABLE AS made
  FOR EACH STATEMENT EXECUTE FUNCTION keep_newest_sessions();
