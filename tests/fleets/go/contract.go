package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// contracts is one release of the contracts, compiled for use at run time.
type contracts struct {
	inputs  map[string]*jsonschema.Schema // by task type
	outputs map[string]*jsonschema.Schema
	answers map[string]*jsonschema.Schema // by operation of a service
	tasks   map[string]taskContract
	steps   map[string]step // by reference name
	total   int
}

type taskContract struct {
	Input      any `json:"input"`
	Output     any `json:"output"`
	Definition struct {
		RetryCount     int32 `json:"retryCount"`
		TimeoutSeconds int64 `json:"timeoutSeconds"`
	} `json:"definition"`
	Constants struct {
		WordsPerCall       int    `json:"words_per_call"`
		MostSubjects       int    `json:"most_subjects"`
		TitleWithoutTopics string `json:"title_without_topics"`
	} `json:"constants"`
}

// step is a task's place in the workflow.
type step struct {
	index    int
	optional bool
}

type workflowTask struct {
	Name      string           `json:"name"`
	Reference string           `json:"taskReferenceName"`
	Type      string           `json:"type"`
	Optional  bool             `json:"optional"`
	ForkTasks [][]workflowTask `json:"forkTasks"`
}

// forks names the dynamic fork in which the branches of a task type run.
var forks = map[string]string{
	"pad_track":        "fork_track_padding",
	"transcribe_track": "fork_track_transcription",
}

func loadContracts(path string) (*contracts, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var release struct {
		Tasks    map[string]taskContract `json:"tasks"`
		Services map[string]any          `json:"services"`
		Workflow struct {
			Tasks []workflowTask `json:"tasks"`
		} `json:"workflow"`
	}
	if err := json.Unmarshal(text, &release); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c := &contracts{
		inputs:  map[string]*jsonschema.Schema{},
		outputs: map[string]*jsonschema.Schema{},
		answers: map[string]*jsonschema.Schema{},
		tasks:   release.Tasks,
		steps:   map[string]step{},
	}
	for name, task := range release.Tasks {
		if c.inputs[name], err = compile(name+".input", task.Input, ""); err != nil {
			return nil, err
		}
		if c.outputs[name], err = compile(name+".output", task.Output, ""); err != nil {
			return nil, err
		}
	}
	for name, service := range release.Services {
		document, _ := service.(map[string]any)
		paths, _ := document["paths"].(map[string]any)
		for path, methods := range paths {
			for method, operation := range methods.(map[string]any) {
				place := fmt.Sprintf("#/paths/%s/%s/responses/200/content/application~1json/schema", pointer(path), method)
				id := operation.(map[string]any)["operationId"].(string)
				if c.answers[id], err = compile(name, service, place); err != nil {
					return nil, err
				}
			}
		}
	}
	c.place(release.Workflow.Tasks)
	return c, c.tolerate()
}

// tolerated has the answers that are taken although they break their service's contract.
var tolerated = map[string]string{
	"transcribeFromUrl": `{"type": "object", "required": ["words"], "properties": {"words": {"type": "array",
		"items": {"type": "object", "required": ["word"], "properties": {"word": {"type": "string"}}}}}}`,
	"createChatCompletion": `{"type": "object", "anyOf": [{"required": ["error"]}, {"required": ["choices"], "properties":
		{"choices": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["message"],
			"properties": {"message": {"type": "object"}}}}}}]}`,
}

func (c *contracts) tolerate() (err error) {
	for operation, text := range tolerated {
		var document any
		if err = json.Unmarshal([]byte(text), &document); err == nil {
			c.answers[operation], err = compile(operation, document, "")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// place numbers the steps of the workflow: its simple tasks and dynamic forks.
func (c *contracts) place(tasks []workflowTask) {
	for _, task := range tasks {
		switch task.Type {
		case "SIMPLE", "FORK_JOIN_DYNAMIC":
			c.total++
			c.steps[task.Reference] = step{c.total, task.Optional}
		case "FORK_JOIN":
			for _, branch := range task.ForkTasks {
				c.place(branch)
			}
		}
	}
}

func pointer(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(key)
}

// compile builds the validator of the part of a document that the fragment names.
func compile(name string, document any, fragment string) (*jsonschema.Schema, error) {
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	url := "mem:///" + name
	if err := compiler.AddResource(url, document); err != nil {
		return nil, err
	}
	return compiler.Compile(url + fragment)
}

// conform validates a value as JSON and returns an error that names the field.
func conform(schema *jsonschema.Schema, value any) error {
	err := schema.Validate(value)
	var violation *jsonschema.ValidationError
	if !errors.As(err, &violation) {
		return err
	}
	return errors.New(strings.Join(leaves(violation), "; "))
}

var english = message.NewPrinter(language.English)

func leaves(violation *jsonschema.ValidationError) []string {
	if len(violation.Causes) == 0 {
		keyword := strings.Join(violation.ErrorKind.KeywordPath(), "/")
		place := "/" + strings.Join(violation.InstanceLocation, "/")
		return []string{fmt.Sprintf("at %s: %s (%s)", place, violation.ErrorKind.LocalizedString(english), keyword)}
	}
	var all []string
	for _, cause := range violation.Causes {
		if all = append(all, leaves(cause)...); len(all) >= 3 {
			return all[:3]
		}
	}
	return all
}

// asJSON returns the value as the JSON decoder would, for validation.
func asJSON(value any) (any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(text))
}
