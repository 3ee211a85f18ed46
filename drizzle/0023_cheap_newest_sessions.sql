-- While a user has few sessions, a new one costs one look at an index, and no statement that deletes. The function names the
-- schema instead of setting a search path, which PostgreSQL would save and restore at every call.
DO $do$
BEGIN
  EXECUTE format($body$
    CREATE OR REPLACE FUNCTION keep_newest_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      -- Counts expired sessions too, so the statement below decides.
      IF NOT EXISTS (
        SELECT FROM made, LATERAL (
          SELECT FROM %1$I.sessions WHERE user_id = made.user_id OFFSET 100 LIMIT 1
        ) AS excess
      ) THEN
        RETURN NULL;
      END IF;
      DELETE FROM %1$I.sessions WHERE id IN (
        SELECT session.id FROM (SELECT DISTINCT user_id FROM made) AS owner, LATERAL (
          SELECT id FROM %1$I.sessions WHERE user_id = owner.user_id AND expires_at > now()
          ORDER BY id IN (SELECT id FROM made) DESC, created_at DESC, id DESC OFFSET 100
        ) AS session
      );
      RETURN NULL;
    END
    $$;
  $body$, current_schema());
END
$do$;
