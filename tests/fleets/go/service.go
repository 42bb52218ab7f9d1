package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// permanent marks an error that no retry can mend.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// refusal is an answer of an outside service that is not a success.
type refusal struct {
	service string
	status  int
	body    []byte
}

func (r refusal) Error() string { return fmt.Sprintf("%s answers %d", r.service, r.status) }

// refused classifies an answer that is not a success.
func refused(service string, status int, body []byte) error {
	err := refusal{service, status, body}
	if transient(status) {
		return err
	}
	return permanent{err}
}

func transient(status int) bool {
	return status == 408 || status == 425 || status == 429 || status >= 500
}

// outside calls the services; it follows no redirect.
var outside = &http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// send returns the status and body of any answer. Errors never carry the URL, whose query may be signed.
func send(ctx context.Context, service string, timeout time.Duration, request *http.Request) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answer, err := outside.Do(request.WithContext(ctx))
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return 0, nil, fmt.Errorf("%s gives no answer: %w", service, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, nil, fmt.Errorf("%s breaks off its answer: %w", service, err)
	}
	return answer.StatusCode, body, nil
}

// call makes one call of an operation and decodes the answer, which has to match the contract.
func (f *fleet) call(ctx context.Context, service, operation string, timeout time.Duration, request *http.Request, into any) error {
	status, body, err := send(ctx, service, timeout, request)
	if err != nil {
		return err
	}
	if status < 200 || status > 299 {
		return refused(service, status, body)
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return fmt.Errorf("%s answers %s with no JSON", service, operation)
	}
	if err := conform(f.contracts.answers[operation], value); err != nil {
		return fmt.Errorf("%s answers %s in another shape: %w", service, operation, err)
	}
	return json.Unmarshal(body, into)
}

func request(method, base, path string, contentType string, body []byte) (*http.Request, error) {
	r, err := http.NewRequest(method, strings.TrimRight(base, "/")+path, bytes.NewReader(body))
	if err == nil && contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r, err
}

func bearer(key string, r *http.Request) *http.Request {
	r.Header.Set("Authorization", "Bearer "+key)
	return r
}

// once answers from the cache, and shares one call among concurrent callers with the same key.
func (f *fleet) once(ctx context.Context, key string, call func() ([]byte, error)) ([]byte, error) {
	answer, err, _ := f.flights.Do(key, func() (any, error) {
		if answer, err := f.store.cached(ctx, key); err != nil || answer != nil {
			return answer, err
		}
		answer, err := call()
		if err != nil {
			return nil, err
		}
		return answer, f.store.cache(ctx, key, answer)
	})
	if err != nil {
		return nil, err
	}
	return answer.([]byte), nil
}

func hash(parts ...string) string {
	sum := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(sum, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// ask lets the LLM answer in the schema's format.
func ask[T any](ctx context.Context, f *fleet, name, format, prompt string) (answer T, err error) {
	format = strings.Join(strings.Fields(format), " ")
	body, err := json.Marshal(map[string]any{
		"model": f.config.llmModel,
		"messages": []map[string]string{
			{"role": "system", "content": "You write minutes of meetings. Answer in JSON."},
			{"role": "user", "content": prompt},
		},
		"response_format": map[string]any{
			"type":        "json_schema",
			"json_schema": map[string]any{"name": name, "strict": true, "schema": json.RawMessage(format)},
		},
	})
	if err != nil {
		return answer, err
	}
	text, err := f.once(ctx, hash("llm", string(body)), func() ([]byte, error) {
		r, err := request("POST", f.config.llmURL, "/chat/completions", "application/json", body)
		if err != nil {
			return nil, err
		}
		var completion completion
		err = f.call(ctx, "the LLM", "createChatCompletion", 100*time.Second, bearer(f.config.llmKey, r), &completion)
		if err != nil {
			return nil, err
		}
		return completion.find(name, format)
	})
	if err != nil {
		return answer, err
	}
	return answer, json.Unmarshal(text, &answer)
}

type completion struct {
	Error   any
	Choices []struct {
		FinishReason string `json:"finish_reason"`
		Message      struct {
			Content   any
			Refusal   string
			ToolCalls []struct {
				Function struct{ Arguments string }
			} `json:"tool_calls"`
		}
	}
}

// find returns the last JSON object in the answer that has the format that the request asked for.
func (c completion) find(name, format string) ([]byte, error) {
	if c.Error != nil {
		return nil, fmt.Errorf("the LLM's provider reports an error: %.200v", c.Error)
	}
	choice := c.Choices[0]
	texts := []string{}
	for _, call := range choice.Message.ToolCalls {
		texts = append(texts, call.Function.Arguments)
	}
	switch content := choice.Message.Content.(type) {
	case string:
		texts = append(texts, content)
	case []any:
		for _, part := range content {
			if part, ok := part.(map[string]any); ok {
				text, _ := part["text"].(string)
				texts = append(texts, text)
			}
		}
	}
	var schema any
	if err := json.Unmarshal([]byte(format), &schema); err != nil {
		return nil, err
	}
	validator, err := compile(name, schema, "")
	if err != nil {
		return nil, err
	}
	whole := strings.Join(texts, "\n")
	for at := strings.LastIndex(whole, "{"); at >= 0; at = strings.LastIndex(whole[:at], "{") {
		var value any
		if json.NewDecoder(strings.NewReader(whole[at:])).Decode(&value) == nil && conform(validator, value) == nil {
			return json.Marshal(value)
		}
	}
	switch {
	case choice.Message.Refusal != "":
		return nil, fmt.Errorf("the LLM answers with a refusal: %.200s", choice.Message.Refusal)
	case choice.FinishReason != "" && choice.FinishReason != "stop":
		return nil, fmt.Errorf("the LLM's answer has no %s; it ended with %q", name, choice.FinishReason)
	}
	return nil, fmt.Errorf("the LLM writes no JSON of the format of %s", name)
}
