package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/sync/errgroup"
)

type word struct {
	Word    string  `json:"word"`
	Start   float64 `json:"start"`
	End     float64 `json:"end"`
	Speaker int     `json:"speaker"`
}

func sortWords(words []word) {
	slices.SortStableFunc(words, func(a, b word) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.Speaker, b.Speaker))
	})
}

func text(words []word) string {
	parts := make([]string, len(words))
	for i, w := range words {
		parts[i] = w.Word
	}
	return strings.Join(parts, " ")
}

type transcribeInput struct {
	TrackIndex int     `json:"track_index"`
	AudioURL   string  `json:"audio_url"`
	Language   *string `json:"language"`
}

type transcribeOutput struct {
	Words      []word `json:"words"`
	TrackIndex int    `json:"track_index"`
}

func (f *fleet) transcribeTrack(ctx context.Context, j job[transcribeInput]) (transcribeOutput, error) {
	out := transcribeOutput{[]word{}, j.in.TrackIndex}
	language := orDefault(j.in.Language, "en")
	transcribe := func() ([]byte, error) {
		body, err := json.Marshal(map[string]any{"audio_file_url": j.in.AudioURL, "language": language, "batch": true})
		if err != nil {
			return nil, err
		}
		r, err := request("POST", f.config.modalURL, "/v1/audio/transcriptions-from-url", "application/json", body)
		if err != nil {
			return nil, err
		}
		var answer struct {
			Words []any
		}
		err = f.call(ctx, "the transcription service", "transcribeFromUrl", 15*time.Minute, bearer(f.config.modalKey, r), &answer)
		if err != nil {
			return nil, err
		}
		words, before := []word{}, 0.0
		for _, entry := range answer.Words {
			w, _ := entry.(map[string]any)
			said, ok := w["word"].(string)
			if !ok {
				continue // no word
			}
			start, end := seconds(w["start"], before), seconds(w["end"], 0)
			words = append(words, word{Word: clean(said), Start: start, End: max(start, end)})
			before = start
		}
		if len(words) == 0 && len(answer.Words) > 0 {
			return nil, errors.New("the transcription service: no entry of words has a text")
		}
		return json.Marshal(map[string]any{"words": words})
	}
	var answer []byte
	var err error
	if audio, unread := hashAudio(ctx, j.in.AudioURL); unread != nil {
		answer, err = transcribe() // The service may reach what this worker cannot.
	} else {
		answer, err = f.once(ctx, hash("modal", audio, language, f.config.modalModel), transcribe)
	}
	if err != nil {
		return out, err
	}
	var heard struct{ Words []word }
	if err := json.Unmarshal(answer, &heard); err != nil {
		return out, err
	}
	for _, w := range heard.Words {
		w.Speaker = j.in.TrackIndex
		if w.Word != "" {
			out.Words = append(out.Words, w)
		}
	}
	sortWords(out.Words)
	return out, nil
}

// seconds reads a time; an unusable one is that of the word before.
func seconds(value any, before float64) float64 {
	if text, ok := value.(string); ok {
		if number, err := strconv.ParseFloat(text, 64); err == nil {
			value = number
		}
	}
	if number, ok := value.(float64); ok && number == number && !math.IsInf(number, 0) {
		return max(number, 0)
	}
	return before
}

// clean drops control characters, which PostgreSQL refuses in part.
func clean(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, text))
}

func hashAudio(ctx context.Context, url string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return "", err
	}
	answer, err := outside.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the audio's server answers %d", answer.StatusCode)
	}
	sum := sha256.New()
	_, err = io.Copy(sum, answer.Body)
	return hex.EncodeToString(sum.Sum(nil)), err
}

// transcripts is a map of branches or a plain list.
type transcripts [][]word

func (t *transcripts) UnmarshalJSON(data []byte) error {
	type track struct{ Words []word }
	var list []track
	if data[0] == '{' {
		var branches map[string]track
		if err := json.Unmarshal(data, &branches); err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(branches)) {
			list = append(list, branches[name])
		}
	} else if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	for _, track := range list {
		*t = append(*t, track.Words)
	}
	return nil
}

type mergeInput struct {
	Transcripts  transcripts `json:"transcripts"`
	TranscriptID string      `json:"transcript_id"`
}

type mergeOutput struct {
	Words []word `json:"all_words"`
	Count int    `json:"word_count"`
}

func (f *fleet) mergeTranscripts(ctx context.Context, j job[mergeInput]) (mergeOutput, error) {
	words := append([]word{}, slices.Concat(j.in.Transcripts...)...)
	sortWords(words)
	whole := event{"TRANSCRIPT", map[string]any{"text": text(words), "translation": nil}}
	err := f.store.update(ctx, j.in.TranscriptID, "words = $2", []any{words}, whole)
	return mergeOutput{words, len(words)}, err
}

type topic struct {
	ID        string  `json:"id"`
	Title     string  `json:"title"`
	Summary   string  `json:"summary"`
	Timestamp float64 `json:"timestamp"`
	Duration  float64 `json:"duration"`
}

type topicsInput struct {
	Words        []word  `json:"words"`
	TranscriptID string  `json:"transcript_id"`
	Language     *string `json:"target_language"`
}

type topicsOutput struct {
	Topics []topic `json:"topics"`
}

const topicFormat = `{
	"type": "object", "required": ["title", "summary"], "additionalProperties": false,
	"properties": {"title": {"type": "string", "minLength": 1}, "summary": {"type": "string"}}}`

func (f *fleet) detectTopics(ctx context.Context, j job[topicsInput]) (topicsOutput, error) {
	groups := slices.Collect(slices.Chunk(j.in.Words, f.contracts.tasks["detect_topics"].Constants.WordsPerCall))
	topics := make([]topic, len(groups))
	calls, ctx2 := errgroup.WithContext(ctx)
	calls.SetLimit(4)
	for i, group := range groups {
		calls.Go(func() error {
			prompt := fmt.Sprintf("Give the topic of this part of a meeting a title of a few words and a summary of "+
				"one or two sentences, in the language %q.\n\n%s", orDefault(j.in.Language, "en"), text(group))
			found, err := ask[topic](ctx2, f, "topic", topicFormat, prompt)
			found.ID = fmt.Sprintf("%s-%d", j.in.TranscriptID, i)
			found.Timestamp = group[0].Start
			for _, w := range group {
				found.Duration = max(found.Duration, w.End-found.Timestamp)
			}
			topics[i] = found
			return err
		})
	}
	if err := calls.Wait(); err != nil {
		return topicsOutput{}, err
	}
	events := make([]event, len(topics))
	for i, t := range topics {
		events[i] = event{"TOPIC", t}
	}
	return topicsOutput{topics}, f.store.update(ctx, j.in.TranscriptID, "topics = $2", []any{topics}, events...)
}
