package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

type finalizeInput struct {
	TranscriptID string  `json:"transcript_id"`
	Title        string  `json:"title"`
	Long         string  `json:"summary"`
	Short        string  `json:"short_summary"`
	Duration     float64 `json:"duration"`
}

type finalizeOutput struct {
	Status string `json:"status"`
}

func (f *fleet) finalize(ctx context.Context, j job[finalizeInput]) (finalizeOutput, error) {
	err := f.store.update(ctx, j.in.TranscriptID, "title = $2, long_summary = $3, short_summary = $4, duration = $5",
		[]any{j.in.Title, j.in.Long, j.in.Short, j.in.Duration})
	if err == nil {
		err = f.store.setStatus(ctx, j.in.TranscriptID, "ended")
	}
	return finalizeOutput{"COMPLETED"}, err
}

type transcriptInput struct {
	TranscriptID string `json:"transcript_id"`
}

type cleanupOutput struct {
	Deleted bool    `json:"audio_deleted"`
	Reason  *string `json:"reason"`
}

func (f *fleet) cleanupConsent(ctx context.Context, j job[transcriptInput]) (out cleanupOutput, err error) {
	denials, err := f.store.denials(ctx, j.in.TranscriptID)
	if err != nil {
		return out, err
	}
	if len(denials) > 0 {
		if err := f.deleteAudio(ctx, j.in.TranscriptID); err != nil {
			return out, err
		}
		reason := fmt.Sprintf("%d participants denied consent", len(denials))
		out = cleanupOutput{true, &reason}
	}
	return out, f.store.update(ctx, j.in.TranscriptID, "audio_deleted = $2", []any{out.Deleted})
}

func (f *fleet) deleteAudio(ctx context.Context, transcriptID string) error {
	bucket, keys, err := f.store.trackKeys(ctx, transcriptID)
	if err != nil {
		return err
	}
	for index, key := range keys {
		if err := f.deleteObject(ctx, bucket, key); err != nil {
			return err
		}
		padded := fmt.Sprintf("%s/padded_track_%d.webm", transcriptID, index)
		if err := f.deleteObject(ctx, f.config.transcriptBucket, padded); err != nil {
			return err
		}
	}
	return f.deleteObject(ctx, f.config.transcriptBucket, transcriptID+"/audio.mp3")
}

type zulipOutput struct {
	MessageID *string `json:"message_id"`
}

// postZulip holds a lock, so that a second delivery of the task updates the message of the first.
func (f *fleet) postZulip(ctx context.Context, j job[transcriptInput]) (out zulipOutput, err error) {
	err = f.store.locked(ctx, j.in.TranscriptID, func(store *store) error {
		t, err := store.transcript(ctx, j.in.TranscriptID)
		if err != nil {
			return err
		}
		r, err := store.room(ctx, t.RoomID)
		if err != nil || r == nil || orDefault(r.ZulipStream, "") == "" {
			return err
		}
		if out.MessageID, err = f.postOrUpdate(ctx, t, r); err != nil {
			return err
		}
		return store.update(ctx, t.ID, "zulip_message_id = $2", []any{out.MessageID})
	})
	return out, err
}

func (f *fleet) postOrUpdate(ctx context.Context, t transcript, r *room) (*string, error) {
	content := fmt.Sprintf("**%s**\n\n%s\n\n%s", orDefault(t.Title, "Untitled Meeting"),
		orDefault(t.ShortSummary, ""), orDefault(t.LongSummary, ""))
	link := "\n\n" + f.link(t)
	if runes, room := []rune(content), 10_000-len([]rune(link)); len(runes) > room { // Zulip cuts what is longer.
		content = string(runes[:room-1]) + "…"
	}
	content += link
	if t.ZulipMessageID != nil {
		path := "/api/v1/messages/" + url.PathEscape(*t.ZulipMessageID)
		err := f.zulip(ctx, "updateMessage", "PATCH", path, url.Values{"content": {content}}, new(struct{}))
		var answer refusal
		if !errors.As(err, &answer) || answer.status != http.StatusBadRequest {
			return t.ZulipMessageID, err
		}
		if gone, err := f.isGone(ctx, path); err != nil || !gone {
			return t.ZulipMessageID, err // A message that may no longer be edited stays.
		}
	}
	var posted struct{ ID int64 }
	err := f.zulip(ctx, "sendMessage", "POST", "/api/v1/messages", url.Values{
		"type": {"stream"}, "to": {*r.ZulipStream}, "content": {content},
		"topic": {orDefault(r.ZulipTopic, r.Name)},
	}, &posted)
	id := strconv.FormatInt(posted.ID, 10)
	return &id, err
}

func (f *fleet) zulip(ctx context.Context, operation, method, path string, form url.Values, into any) error {
	r, err := request(method, f.config.zulipURL, path, "application/x-www-form-urlencoded", []byte(form.Encode()))
	if err != nil {
		return err
	}
	r.SetBasicAuth(f.config.zulipEmail, f.config.zulipKey)
	return f.call(ctx, "Zulip", operation, 10*time.Second, r, into)
}

// isGone asks Zulip for the message, because its errors are in the language of its realm.
func (f *fleet) isGone(ctx context.Context, path string) (bool, error) {
	r, err := request("GET", f.config.zulipURL, path, "", nil)
	if err != nil {
		return false, err
	}
	r.SetBasicAuth(f.config.zulipEmail, f.config.zulipKey)
	status, body, err := send(ctx, "Zulip", 10*time.Second, r)
	if err != nil || status < 300 {
		return false, err
	}
	if status != http.StatusBadRequest && status != http.StatusNotFound {
		return false, refused("Zulip", status, body)
	}
	return true, nil
}

type webhookInput struct {
	TranscriptID string  `json:"transcript_id"`
	RoomID       *string `json:"room_id"`
}

type webhookOutput struct {
	Sent       bool `json:"sent"`
	StatusCode *int `json:"status_code"`
}

func (f *fleet) sendWebhook(ctx context.Context, j job[webhookInput]) (out webhookOutput, err error) {
	t, err := f.store.transcript(ctx, j.in.TranscriptID)
	if err != nil {
		return out, err
	}
	r, err := f.store.room(ctx, cmp.Or(j.in.RoomID, t.RoomID))
	if err != nil || r == nil || orDefault(r.WebhookURL, "") == "" {
		return out, err
	}
	source, target := f.languages(ctx, j.workflowID)
	now := time.Now().Unix()
	body, err := json.Marshal(map[string]any{
		"event": "transcript.completed", "event_id": hash("transcript.completed", t.ID)[:32], "timestamp": now,
		"transcript":     f.payload(t, source, target),
		"room":           map[string]any{"id": r.ID, "name": r.Name},
		"calendar_event": map[string]any{},
	})
	if err != nil {
		return out, err
	}
	post, err := request("POST", *r.WebhookURL, "", "application/json", body)
	if err != nil {
		return out, permanent{errors.New("the room's webhook_url is no URL")}
	}
	post.Header.Set("X-Webhook-Event", "transcript.completed")
	post.Header.Set("X-Webhook-Retry", strconv.Itoa(int(j.attempt)))
	if secret := orDefault(r.WebhookSecret, ""); secret != "" {
		post.Header.Set("X-Webhook-Signature", sign(secret, now, body))
	}
	status, _, err := send(ctx, "the webhook", 8*time.Second, post)
	if err != nil {
		return out, err
	}
	if transient(status) {
		return out, refusal{"the webhook", status, nil}
	}
	return webhookOutput{status >= 200 && status <= 299, &status}, nil
}
