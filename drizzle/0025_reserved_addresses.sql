-- The statement that registers an account calls this after its insert, which may have waited for a change of address that
-- frees this one. Each statement in a volatile function has a snapshot of its own, so it sees the reservation of that change.
-- The function names the schema instead of setting a search path, which PostgreSQL would save and restore at every call.
DO $do$
BEGIN
  EXECUTE format($body$
    CREATE FUNCTION refuse_reserved_address(address text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
    BEGIN
      IF EXISTS (
        SELECT FROM %1$I.verification
        WHERE value = address AND purpose = 'EMAIL_CHANGE_UNDO' AND expires_at > now()
      ) THEN
        RAISE EXCEPTION 'the address is reserved for its former owner' USING ERRCODE = 'unique_violation';
      END IF;
      RETURN true;
    END
    $$;
  $body$, current_schema());
END
$do$;
