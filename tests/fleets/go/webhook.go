package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/antihax/optional"
	"github.com/conductor-sdk/conductor-go/sdk/client"
)

func sign(secret string, now int64, body []byte) string {
	return fmt.Sprintf("t=%d,v1=%x", now, mac([]byte(secret), fmt.Sprintf("%d.%s", now, body)))
}

// languages reads the meeting's languages from the input of its workflow.
func (f *fleet) languages(ctx context.Context, workflowID string) (source, target string) {
	source, target = "en", "en"
	workflow, _, err := f.workflows.GetExecutionStatus(ctx, workflowID,
		&client.WorkflowResourceApiGetExecutionStatusOpts{IncludeTasks: optional.NewBool(false)})
	if err != nil {
		return source, target
	}
	if language, ok := workflow.Input["source_language"].(string); ok {
		source = language
	}
	if language, ok := workflow.Input["target_language"].(string); ok {
		target = language
	}
	return source, target
}

func (f *fleet) payload(t transcript, source, target string) map[string]any {
	names := map[int]string{}
	participants := []map[string]any{}
	for _, p := range t.Participants {
		if p.Speaker != nil && p.Name != nil {
			names[*p.Speaker] = *p.Name
		}
		participants = append(participants, map[string]any{"id": p.ID, "name": p.Name, "speaker": p.Speaker})
	}
	topics := []map[string]any{}
	for _, p := range t.Topics {
		topics = append(topics, map[string]any{
			"title": p.Title, "summary": p.Summary, "timestamp": p.Timestamp, "duration": p.Duration,
			"webvtt": webvtt(between(t.Words, p.Timestamp, p.Timestamp+p.Duration), names),
		})
	}
	return map[string]any{
		"id": t.ID, "room_id": t.RoomID, "created_at": t.CreatedAt, "duration": t.Duration, "title": t.Title,
		"short_summary": t.ShortSummary, "long_summary": t.LongSummary, "webvtt": webvtt(t.Words, names),
		"topics": topics, "participants": participants, "source_language": source, "target_language": target,
		"status": "ended", "frontend_url": f.link(t),
	}
}

func (f *fleet) link(t transcript) string {
	return f.config.frontendURL + "/transcripts/" + url.PathEscape(t.ID)
}

func between(words []word, from, to float64) (found []word) {
	for _, w := range words {
		if w.Start >= from && w.Start <= to {
			found = append(found, w)
		}
	}
	return found
}

const wordsPerCue = 12

// webvtt writes the words as cues: a cue ends with the speaker's turn, after a pause or when it is long.
func webvtt(words []word, names map[int]string) string {
	var out strings.Builder
	out.WriteString("WEBVTT\n")
	for start := 0; start < len(words); {
		end := start + 1
		until := words[start].End
		for end < len(words) && end-start < wordsPerCue &&
			words[end].Speaker == words[start].Speaker && words[end].Start-until < 2 {
			until = max(until, words[end].End)
			end++
		}
		name, ok := names[words[start].Speaker]
		if !ok {
			name = fmt.Sprintf("Speaker %d", words[start].Speaker)
		}
		fmt.Fprintf(&out, "\n%s --> %s\n<v %s>%s\n", clock(words[start].Start), clock(until),
			escapeCue(name), escapeCue(text(words[start:end])))
		start = end
	}
	return out.String()
}

func clock(seconds float64) string {
	ms := int64(seconds*1000 + 0.5)
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}

func escapeCue(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", " ", "\n", " ").Replace(text)
}
