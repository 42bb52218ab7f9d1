package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/conductor-sdk/conductor-go/sdk/model"
)

// call of a task: its input, decoded, and what Conductor says about it.
type job[I any] struct {
	in         I
	workflowID string
	attempt    int32 // from 0
}

func (f *fleet) workers() map[string]model.ExecuteTaskFunction {
	return map[string]model.ExecuteTaskFunction{
		"get_recording":               serve(f, "get_recording", f.getRecording),
		"get_participants":            serve(f, "get_participants", f.getParticipants),
		"generate_dynamic_fork_tasks": serve(f, "generate_dynamic_fork_tasks", f.generateForkTasks),
		"transcribe_track":            serve(f, "transcribe_track", f.transcribeTrack),
		"merge_transcripts":           serve(f, "merge_transcripts", f.mergeTranscripts),
		"detect_topics":               serve(f, "detect_topics", f.detectTopics),
		"generate_title":              serve(f, "generate_title", f.generateTitle),
		"generate_summary":            serve(f, "generate_summary", f.generateSummary),
		"finalize":                    serve(f, "finalize", f.finalize),
		"cleanup_consent":             serve(f, "cleanup_consent", f.cleanupConsent),
		"post_zulip":                  serve(f, "post_zulip", f.postZulip),
		"send_webhook":                serve(f, "send_webhook", f.sendWebhook),
	}
}

// serve makes a worker of a function: it validates, reports progress and classifies errors.
func serve[I, O any](f *fleet, name string, work func(context.Context, job[I]) (O, error)) model.ExecuteTaskFunction {
	return func(task *model.Task) (any, error) {
		limit := time.Duration(f.contracts.tasks[name].Definition.TimeoutSeconds) * time.Second
		ctx, cancel := context.WithTimeout(f.running, limit)
		defer cancel()
		defer f.heartbeat(ctx, task)()
		transcriptID := f.transcriptID(ctx, task)
		err := conform(f.contracts.inputs[name], any(task.InputData))
		if err != nil {
			err = permanent{fmt.Errorf("%s: input %w", name, err)}
		}
		f.progress(ctx, task, transcriptID, "in_progress")
		var out any
		if err == nil {
			out, err = attempt(ctx, f, name, task, work)
		}
		if err == nil {
			f.progress(ctx, task, transcriptID, "completed")
			return out, nil
		}
		log.Printf("%s in workflow %s, attempt %d: %v", name, task.WorkflowInstanceId, task.RetryCount+1, err)
		return nil, f.fail(name, task, transcriptID, err)
	}
}

// attempt runs the work once; a panic is an error like any other.
func attempt[I, O any](ctx context.Context, f *fleet, name string, task *model.Task, work func(context.Context, job[I]) (O, error)) (out any, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%s: internal error: %v", name, cause)
		}
	}()
	j := job[I]{workflowID: task.WorkflowInstanceId, attempt: task.RetryCount}
	text, err := json.Marshal(task.InputData)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &j.in); err != nil {
		return nil, permanent{fmt.Errorf("%s: input: %w", name, err)}
	}
	result, err := work(ctx, j)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	value, err := asJSON(result)
	if err != nil {
		return nil, err
	}
	if err := conform(f.contracts.outputs[name], value); err != nil {
		return nil, fmt.Errorf("%s: output %w", name, err)
	}
	return result, nil
}

// heartbeat tells Conductor that the task still runs, until the returned function is called.
func (f *fleet) heartbeat(ctx context.Context, task *model.Task) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	interval := time.Duration(max(task.ResponseTimeoutSeconds, 3)) * time.Second / 3
	go func() {
		defer close(ended)
		for ticker := time.NewTicker(interval); ; {
			select {
			case <-ctx.Done():
				ticker.Stop()
				return
			case <-ticker.C:
			}
			alive := model.NewTaskResultFromTask(task)
			alive.Status = model.InProgressTask
			alive.CallbackAfterSeconds = task.ResponseTimeoutSeconds // no other worker gets it meanwhile
			if _, _, err := f.tasks.UpdateTask(ctx, alive); err != nil && ctx.Err() == nil {
				log.Printf("%s: no heartbeat: %v", task.TaskId, err)
			}
		}
	}()
	return func() { cancel(); <-ended }
}

// fail reports the failure and sets the transcript's status if a required step will not be retried.
func (f *fleet) fail(name string, task *model.Task, transcriptID string, err error) error {
	// The attempt's own time may be over.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	f.progress(ctx, task, transcriptID, "failed")
	final := errors.As(err, new(permanent))
	exhausted := task.RetryCount >= f.contracts.tasks[name].Definition.RetryCount
	if (final || exhausted) && !f.step(task).optional && transcriptID != "" {
		if err := f.store.setStatus(ctx, transcriptID, "error"); err != nil {
			log.Printf("%s: cannot set the status of %s: %v", name, transcriptID, err)
		}
	}
	if final {
		return model.NewNonRetryableError(err)
	}
	return err
}

// transcriptID finds the transcript that a task is about; empty if there is none.
func (f *fleet) transcriptID(ctx context.Context, task *model.Task) string {
	if id, ok := task.InputData["transcript_id"].(string); ok {
		return id
	}
	if recordingID, ok := task.InputData["recording_id"].(string); ok {
		id, _ := f.store.transcriptOfRecording(ctx, recordingID)
		return id
	}
	return ""
}

func (f *fleet) step(task *model.Task) step {
	for _, reference := range []string{forks[task.TaskDefName], task.ReferenceTaskName, task.TaskDefName, "generate_padding_tasks"} {
		if step, ok := f.contracts.steps[reference]; ok {
			return step
		}
	}
	return step{}
}

// progress emits PIPELINE_PROGRESS; a failure to do so fails no task.
func (f *fleet) progress(ctx context.Context, task *model.Task, transcriptID, status string) {
	if transcriptID == "" {
		return
	}
	data := map[string]any{
		"workflow_id": task.WorkflowInstanceId, "current_step": task.ReferenceTaskName,
		"step_index": f.step(task).index, "total_steps": f.contracts.total, "step_status": status,
	}
	if forks[task.TaskDefName] != "" && strings.HasPrefix(task.ReferenceTaskName, task.TaskDefName+"_") {
		data["branch"] = task.ReferenceTaskName
	}
	if err := emit(ctx, f.store.db, transcriptID, event{"PIPELINE_PROGRESS", data}); err != nil {
		log.Printf("cannot report progress of %s: %v", transcriptID, err)
	}
}
