-- What engines.install() sends, for those whose application must not create tables. Run it in each database that the
-- application writes together with another one; again changes nothing.
--
-- The application's role needs, where it is not the owner of the tables:
--   GRANT USAGE ON SCHEMA public TO app;
--   GRANT SELECT, INSERT, DELETE ON public.enginelight_decision TO app;
--   GRANT SELECT ON public.enginelight_location TO app;
--
-- A database that is a copy of another one (a dump, a base backup, a template) and lives on beside it needs an id of its
-- own, or the two are taken for one another:
--   UPDATE public.enginelight_location SET id = gen_random_uuid();

BEGIN;
-- Several processes may start at once, and CREATE TABLE IF NOT EXISTS alone can fail then.
SELECT pg_catalog.pg_advisory_xact_lock(7306088571432825716);
-- One row for each two-phase commit that is decided and not yet carried out everywhere.
CREATE TABLE IF NOT EXISTS public.enginelight_decision (
  transaction uuid CONSTRAINT enginelight_decision_pkey PRIMARY KEY,
  outcome text NOT NULL CHECK (outcome IN ('commit', 'abort')),
  application text,
  participants jsonb NOT NULL,
  decided_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
-- Exactly one row: by its id a prepared transaction, on another server, says where its decision is.
CREATE TABLE IF NOT EXISTS public.enginelight_location (
  "only" boolean PRIMARY KEY DEFAULT true CHECK ("only"),
  id uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid()
);
INSERT INTO public.enginelight_location DEFAULT VALUES ON CONFLICT DO NOTHING;
COMMIT;
