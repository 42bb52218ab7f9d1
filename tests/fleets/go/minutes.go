package main

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"
)

type titleInput struct {
	Topics       []topic `json:"topics"`
	TranscriptID string  `json:"transcript_id"`
}

type titleOutput struct {
	Title string `json:"title"`
}

const titleFormat = `{
	"type": "object", "required": ["title"], "additionalProperties": false,
	"properties": {"title": {"type": "string", "minLength": 1}}}`

func outline(topics []topic) string {
	var lines strings.Builder
	for _, t := range topics {
		fmt.Fprintf(&lines, "- %s: %s\n", t.Title, t.Summary)
	}
	return lines.String()
}

func (f *fleet) generateTitle(ctx context.Context, j job[titleInput]) (titleOutput, error) {
	out := titleOutput{f.contracts.tasks["generate_title"].Constants.TitleWithoutTopics}
	if len(j.in.Topics) > 0 {
		var err error
		prompt := "Write one title of a few words for a meeting with these topics.\n\n" + outline(j.in.Topics)
		if out, err = ask[titleOutput](ctx, f, "title", titleFormat, prompt); err != nil {
			return out, err
		}
	}
	return out, f.store.update(ctx, j.in.TranscriptID, "title = $2", []any{out.Title},
		event{"FINAL_TITLE", map[string]any{"title": out.Title}})
}

type summaryInput struct {
	Words        []word  `json:"words"`
	Topics       []topic `json:"topics"`
	TranscriptID string  `json:"transcript_id"`
}

type summaryOutput struct {
	Long  string `json:"summary"`
	Short string `json:"short_summary"`
}

const subjectsFormat = `{
	"type": "object", "required": ["subjects"], "additionalProperties": false,
	"properties": {"subjects": {"type": "array", "items": {"type": "string", "minLength": 1}}}}`

const textFormat = `{
	"type": "object", "required": ["text"], "additionalProperties": false,
	"properties": {"text": {"type": "string", "minLength": 1}}}`

func (f *fleet) generateSummary(ctx context.Context, j job[summaryInput]) (summaryOutput, error) {
	var out summaryOutput
	if len(j.in.Words) > 0 {
		var err error
		if out, err = f.summarise(ctx, j.in); err != nil {
			return out, err
		}
	}
	return out, f.store.update(ctx, j.in.TranscriptID, "long_summary = $2, short_summary = $3", []any{out.Long, out.Short},
		event{"FINAL_LONG_SUMMARY", map[string]any{"long_summary": out.Long}},
		event{"FINAL_SHORT_SUMMARY", map[string]any{"short_summary": out.Short}})
}

// summarise asks for the subjects, for notes and a paragraph on each, and for a recap of the paragraphs.
func (f *fleet) summarise(ctx context.Context, in summaryInput) (out summaryOutput, err error) {
	meeting := "Topics:\n" + outline(in.Topics) + "\nTranscript:\n" + dialogue(in.Words)
	most := f.contracts.tasks["generate_summary"].Constants.MostSubjects
	found, err := ask[struct{ Subjects []string }](ctx, f, "subjects", subjectsFormat,
		fmt.Sprintf("Name the main subjects of this meeting, %d at most, each in a few words.\n\n%s", most, meeting))
	if err != nil {
		return out, err
	}
	subjects := found.Subjects[:min(most, len(found.Subjects))]
	paragraphs := make([]string, len(subjects))
	calls, ctx2 := errgroup.WithContext(ctx)
	calls.SetLimit(4)
	for i, subject := range subjects {
		calls.Go(func() error {
			notes, err := f.write(ctx2, fmt.Sprintf("Note everything that was said about %q.\n\n%s", subject, meeting))
			if err != nil {
				return err
			}
			paragraphs[i], err = f.write(ctx2, fmt.Sprintf("Write one paragraph about %q from these notes.\n\n%s", subject, notes))
			return err
		})
	}
	if err := calls.Wait(); err != nil {
		return out, err
	}
	var long strings.Builder
	for i, subject := range subjects {
		fmt.Fprintf(&long, "## %s\n\n%s\n\n", subject, paragraphs[i])
	}
	out.Long = strings.TrimSpace(long.String())
	basis := out.Long
	if basis == "" {
		basis = meeting
	}
	if out.Short, err = f.write(ctx, "Write a recap of two or three sentences.\n\n"+basis); err != nil {
		return out, err
	}
	if out.Long == "" {
		out.Long = out.Short
	}
	return out, nil
}

func (f *fleet) write(ctx context.Context, prompt string) (string, error) {
	answer, err := ask[struct{ Text string }](ctx, f, "text", textFormat, prompt)
	return answer.Text, err
}

// dialogue writes one line for each turn of a speaker.
func dialogue(words []word) string {
	var lines strings.Builder
	for i, w := range words {
		if i == 0 || w.Speaker != words[i-1].Speaker {
			fmt.Fprintf(&lines, "\nSpeaker %d:", w.Speaker)
		}
		lines.WriteString(" " + w.Word)
	}
	return strings.TrimSpace(lines.String())
}
