package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

type recording struct {
	ID              string  `json:"id"`
	Session         *string `json:"mtgSessionId"`
	RoomName        string  `json:"room_name"`
	StartedAt       int64   `json:"start_ts"`
	MaxParticipants *int    `json:"max_participants"`
	Duration        float64 `json:"duration"`
}

type recordingInput struct {
	RecordingID string `json:"recording_id"`
}

type recordingOutput struct {
	ID       string  `json:"id"`
	Session  *string `json:"mtg_session_id"`
	RoomName string  `json:"room_name"`
	Duration float64 `json:"duration"`
}

func (f *fleet) daily(ctx context.Context, operation, path string, into any) error {
	r, err := request("GET", f.config.dailyURL, path, "", nil)
	if err != nil {
		return err
	}
	return f.call(ctx, "Daily", operation, 10*time.Second, bearer(f.config.dailyKey, r), into)
}

func (f *fleet) getRecording(ctx context.Context, j job[recordingInput]) (recordingOutput, error) {
	var r recording
	if err := f.daily(ctx, "getRecording", "/recordings/"+url.PathEscape(j.in.RecordingID), &r); err != nil {
		return recordingOutput{}, err
	}
	err := f.store.saveMeeting(ctx, j.workflowID, r)
	return recordingOutput{r.ID, r.Session, r.RoomName, r.Duration}, err
}

type participantsInput struct {
	Session      *string `json:"mtg_session_id"`
	TranscriptID string  `json:"transcript_id"`
}

type dailyParticipant struct {
	ID     string  `json:"participant_id"`
	Name   *string `json:"user_name"`
	UserID *string `json:"user_id"`
}

type participantsOutput struct {
	Participants []dailyParticipant `json:"participants"`
}

// pageSize is the most participants that Daily lists in one answer.
const pageSize = 100

func (f *fleet) getParticipants(ctx context.Context, j job[participantsInput]) (participantsOutput, error) {
	out := participantsOutput{[]dailyParticipant{}}
	if j.in.Session != nil {
		path := "/meetings/" + url.PathEscape(*j.in.Session) + "/participants?limit=" + strconv.Itoa(pageSize)
		for after := ""; ; {
			var page struct{ Data []dailyParticipant }
			if err := f.daily(ctx, "getMeetingParticipants", path+after, &page); err != nil {
				return out, err
			}
			out.Participants = append(out.Participants, page.Data...)
			if len(page.Data) < pageSize {
				break
			}
			after = "&joined_after=" + url.QueryEscape(page.Data[pageSize-1].ID)
		}
	}
	for i := range out.Participants {
		if out.Participants[i].ID == "" { // a guest
			out.Participants[i].ID = fmt.Sprintf("guest-%d", i+1)
		}
	}
	if j.in.TranscriptID == "" {
		return out, nil
	}
	_, keys, err := f.store.trackKeys(ctx, j.in.TranscriptID)
	if err != nil {
		return out, err
	}
	stored := []participant{}
	for _, p := range out.Participants {
		name := p.Name
		if name != nil && strings.TrimSpace(*name) == "" {
			name = nil
		}
		stored = append(stored, participant{p.ID, name, p.UserID, speakerOf(p.ID, keys)})
	}
	if err := f.store.update(ctx, j.in.TranscriptID, "participants = $2", []any{stored}); err != nil {
		return out, err
	}
	return out, f.store.setStatus(ctx, j.in.TranscriptID, "processing")
}

// speakerOf finds the participant's track: Daily puts the participant's id into the key.
func speakerOf(id string, keys []string) *int {
	for index, key := range keys {
		if strings.Contains(key, "-"+id+"-cam-audio") || strings.Contains(key, "/"+id+"-cam-audio") {
			return &index
		}
	}
	return nil
}

type paddedTrack struct {
	URL   string `json:"padded_url"`
	Index int    `json:"track_index"`
}

type forkInput struct {
	Tracks []struct {
		Key string `json:"s3_key"`
	} `json:"tracks"`
	TaskType     string                 `json:"task_type"`
	TranscriptID string                 `json:"transcript_id"`
	Bucket       *string                `json:"bucket_name"`
	Padded       map[string]paddedTrack `json:"padded_tracks"`
	Language     *string                `json:"language"`
}

type forkTask struct {
	Name      string `json:"name"`
	Reference string `json:"taskReferenceName"`
	Type      string `json:"type"`
}

type forkOutput struct {
	Tasks  []forkTask                `json:"tasks"`
	Inputs map[string]map[string]any `json:"inputs"`
}

func (f *fleet) generateForkTasks(_ context.Context, j job[forkInput]) (forkOutput, error) {
	out := forkOutput{[]forkTask{}, map[string]map[string]any{}}
	urls := map[int]string{}
	for _, padded := range j.in.Padded {
		urls[padded.Index] = padded.URL
	}
	for index, track := range j.in.Tracks {
		input := map[string]any{"track_index": index, "transcript_id": j.in.TranscriptID}
		switch j.in.TaskType {
		case "pad_track":
			if j.in.Bucket == nil || *j.in.Bucket == "" {
				return out, permanent{errors.New("pad_track needs bucket_name")}
			}
			input["s3_key"], input["bucket_name"] = track.Key, *j.in.Bucket
		case "transcribe_track":
			audio, ok := urls[index]
			if !ok {
				return out, permanent{fmt.Errorf("padded_tracks lacks track_index %d", index)}
			}
			input["audio_url"], input["language"] = audio, orDefault(j.in.Language, "en")
		}
		reference := fmt.Sprintf("%s_%d", j.in.TaskType, index)
		out.Tasks = append(out.Tasks, forkTask{j.in.TaskType, reference, "SIMPLE"})
		out.Inputs[reference] = input
	}
	return out, nil
}

func orDefault(value *string, byDefault string) string {
	if value == nil {
		return byDefault
	}
	return *value
}
