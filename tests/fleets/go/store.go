package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

//go:embed schema.sql
var schema string

var errNoTranscript = permanent{errors.New("no such transcript")}

// store keeps the fleet's state; db is the pool or a transaction.
type store struct{ db querier }

type querier interface {
	Begin(ctx context.Context) (pgx.Tx, error)
	Exec(ctx context.Context, sql string, arguments ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, arguments ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, arguments ...any) pgx.Row
	SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults
}

type event struct {
	name string
	data any
}

type room struct {
	ID, Name                                           string
	WebhookURL, WebhookSecret, ZulipStream, ZulipTopic *string
}

type participant struct {
	ID      string  `json:"id"`
	Name    *string `json:"name"`
	UserID  *string `json:"user_id"`
	Speaker *int    `json:"speaker"`
}

type transcript struct {
	ID, CreatedAt                            string
	RoomID, Title, ShortSummary, LongSummary *string
	ZulipMessageID                           *string
	Duration                                 *float64
	Words                                    []word
	Topics                                   []topic
	Participants                             []participant
}

func (s *store) migrate(ctx context.Context) error {
	_, err := s.db.Exec(ctx, schema)
	return err
}

// update changes a transcript's row and emits events about it in one transaction.
func (s *store) update(ctx context.Context, id, set string, values []any, events ...event) error {
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, "UPDATE transcripts SET "+set+" WHERE id = $1", append([]any{id}, values...)...)
		if err != nil {
			return err
		}
		if done.RowsAffected() == 0 {
			return errNoTranscript
		}
		return emit(ctx, tx, id, events...)
	})
}

// setStatus emits STATUS only if the status changes.
func (s *store) setStatus(ctx context.Context, id, status string) error {
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, "UPDATE transcripts SET status = $2 WHERE id = $1 AND status <> $2", id, status)
		if err != nil || done.RowsAffected() == 0 {
			return err
		}
		return emit(ctx, tx, id, event{"STATUS", map[string]any{"value": status}})
	})
}

func emit(ctx context.Context, to querier, transcriptID string, events ...event) error {
	batch := &pgx.Batch{}
	for _, e := range events {
		data, err := json.Marshal(e.data)
		if err != nil {
			return err
		}
		batch.Queue(`INSERT INTO events (transcript_id, event, data)
			SELECT id, $2, $3 FROM transcripts WHERE id = $1`, transcriptID, e.name, data)
	}
	return to.SendBatch(ctx, batch).Close()
}

func (s *store) transcriptOfRecording(ctx context.Context, recordingID string) (id string, err error) {
	err = s.db.QueryRow(ctx, "SELECT id FROM transcripts WHERE recording_id = $1 ORDER BY created_at DESC LIMIT 1",
		recordingID).Scan(&id)
	return id, err
}

// saveMeeting stores the meeting of a known recording, and the workflow that processes the recording.
func (s *store) saveMeeting(ctx context.Context, workflowID string, r recording) error {
	batch := &pgx.Batch{}
	batch.Queue("UPDATE recordings SET workflow_id = $2 WHERE id = $1", r.ID, workflowID)
	if r.Session != nil {
		batch.Queue(`INSERT INTO meetings (id, room_id, room_name, started_at, max_participants)
			SELECT $1, room_id, $2, to_timestamp($3), $4 FROM transcripts
			WHERE recording_id = $5 ORDER BY created_at DESC LIMIT 1
			ON CONFLICT (id) DO UPDATE SET room_id = excluded.room_id, room_name = excluded.room_name,
			started_at = excluded.started_at, max_participants = excluded.max_participants`,
			*r.Session, r.RoomName, r.StartedAt, r.MaxParticipants, r.ID)
	}
	return s.db.SendBatch(ctx, batch).Close()
}

// trackKeys returns the bucket and the keys of the raw tracks; nothing if the recording is unknown.
func (s *store) trackKeys(ctx context.Context, transcriptID string) (bucket string, keys []string, err error) {
	err = s.db.QueryRow(ctx, `SELECT r.bucket_name, r.track_keys FROM recordings r
		JOIN transcripts t ON t.recording_id = r.id WHERE t.id = $1`, transcriptID).Scan(&bucket, &keys)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return bucket, keys, err
}

// denials returns the participants who denied consent, in a stable order.
func (s *store) denials(ctx context.Context, transcriptID string) ([]string, error) {
	rows, err := s.db.Query(ctx, `SELECT participant_id FROM consents
		WHERE transcript_id = $1 AND NOT granted ORDER BY participant_id`, transcriptID)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func (s *store) transcript(ctx context.Context, id string) (transcript, error) {
	t := transcript{ID: id}
	err := s.db.QueryRow(ctx, `SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), room_id,
		title, short_summary, long_summary, duration, words, topics, participants, zulip_message_id
		FROM transcripts WHERE id = $1`, id).
		Scan(&t.CreatedAt, &t.RoomID, &t.Title, &t.ShortSummary, &t.LongSummary, &t.Duration,
			&t.Words, &t.Topics, &t.Participants, &t.ZulipMessageID)
	if errors.Is(err, pgx.ErrNoRows) {
		err = errNoTranscript
	}
	return t, err
}

// room returns nil if there is no such room.
func (s *store) room(ctx context.Context, id *string) (*room, error) {
	var r room
	err := s.db.QueryRow(ctx, `SELECT id, name, webhook_url, webhook_secret, zulip_stream, zulip_topic
		FROM rooms WHERE id = $1`, id).
		Scan(&r.ID, &r.Name, &r.WebhookURL, &r.WebhookSecret, &r.ZulipStream, &r.ZulipTopic)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return &r, err
}

// locked runs the work in a transaction, one at a time for each transcript in all processes of the fleet.
func (s *store) locked(ctx context.Context, transcriptID string, work func(*store) error) error {
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtext($1))", transcriptID); err != nil {
			return err
		}
		return work(&store{tx})
	})
}

// cached returns the stored answer of an outside service, or nil.
func (s *store) cached(ctx context.Context, key string) (answer []byte, err error) {
	err = s.db.QueryRow(ctx, "SELECT answer FROM answers WHERE key = $1", key).Scan(&answer)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return answer, err
}

func (s *store) cache(ctx context.Context, key string, answer []byte) error {
	_, err := s.db.Exec(ctx, "INSERT INTO answers (key, answer) VALUES ($1, $2) ON CONFLICT DO NOTHING", key, answer)
	return err
}
