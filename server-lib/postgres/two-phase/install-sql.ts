/** `install.sql`, which is shipped beside the library, without its comments. A test holds the two together. */
export const INSTALL_SQL = `BEGIN;
SELECT pg_catalog.pg_advisory_xact_lock(7306088571432825716);
CREATE TABLE IF NOT EXISTS public.enginelight_decision (
  transaction uuid CONSTRAINT enginelight_decision_pkey PRIMARY KEY,
  outcome text NOT NULL CHECK (outcome IN ('commit', 'abort')),
  application text,
  participants jsonb NOT NULL,
  decided_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE TABLE IF NOT EXISTS public.enginelight_location (
  "only" boolean PRIMARY KEY DEFAULT true CHECK ("only"),
  id uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid()
);
INSERT INTO public.enginelight_location DEFAULT VALUES ON CONFLICT DO NOTHING;
COMMIT;
`
