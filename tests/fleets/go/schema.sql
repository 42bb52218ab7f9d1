CREATE TABLE IF NOT EXISTS rooms (
  id text PRIMARY KEY,
  name text NOT NULL,
  webhook_url text,
  webhook_secret text,
  zulip_stream text,
  zulip_topic text
);
CREATE TABLE IF NOT EXISTS meetings (
  id text PRIMARY KEY,
  room_id text REFERENCES rooms,
  room_name text NOT NULL,
  started_at timestamptz,
  max_participants integer
);
CREATE TABLE IF NOT EXISTS recordings (
  id text PRIMARY KEY,
  bucket_name text NOT NULL,
  track_keys jsonb NOT NULL DEFAULT '[]',
  workflow_id text
);
CREATE INDEX IF NOT EXISTS recordings_workflow_id ON recordings (workflow_id);
CREATE TABLE IF NOT EXISTS transcripts (
  id text PRIMARY KEY,
  recording_id text REFERENCES recordings,
  room_id text REFERENCES rooms,
  status text NOT NULL DEFAULT 'idle',
  title text,
  short_summary text,
  long_summary text,
  duration double precision,
  words jsonb,
  topics jsonb,
  participants jsonb,
  audio_deleted boolean,
  zulip_message_id text,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS transcripts_recording_id ON transcripts (recording_id);
CREATE TABLE IF NOT EXISTS consents (
  transcript_id text REFERENCES transcripts,
  participant_id text,
  granted boolean,
  PRIMARY KEY (transcript_id, participant_id)
);
CREATE TABLE IF NOT EXISTS events (
  id bigserial PRIMARY KEY,
  transcript_id text NOT NULL REFERENCES transcripts,
  event text NOT NULL,
  data jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS events_transcript_id ON events (transcript_id);
CREATE TABLE IF NOT EXISTS answers (
  key text PRIMARY KEY,
  answer bytea NOT NULL
);
