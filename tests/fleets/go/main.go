// Command fleet runs the workers of a meeting pipeline on Conductor.
//
//	fleet migrate   create the tables
//	fleet           poll for tasks until SIGTERM
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/conductor-sdk/conductor-go/sdk/client"
	"github.com/conductor-sdk/conductor-go/sdk/worker"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sirupsen/logrus"
	"golang.org/x/sync/singleflight"
)

type config struct {
	databaseURL, contracts         string
	dailyURL, dailyKey             string
	modalURL, modalKey, modalModel string
	llmURL, llmKey, llmModel       string
	zulipURL, zulipEmail, zulipKey string
	s3URL, s3Access, s3Secret      string
	s3Region, transcriptBucket     string
	frontendURL                    string
}

func configFromEnv() config {
	return config{
		databaseURL: os.Getenv("DATABASE_URL"), contracts: env("CONTRACTS", "contracts.json"),
		dailyURL: env("DAILY_API_URL", "https://api.daily.co/v1"), dailyKey: os.Getenv("DAILY_API_KEY"),
		modalURL: os.Getenv("TRANSCRIPT_URL"), modalKey: os.Getenv("TRANSCRIPT_API_KEY"),
		modalModel: env("TRANSCRIPT_MODEL", "default"),
		llmURL:     os.Getenv("LLM_URL"), llmKey: os.Getenv("LLM_API_KEY"), llmModel: env("LLM_MODEL", "default"),
		zulipURL: os.Getenv("ZULIP_URL"), zulipEmail: os.Getenv("ZULIP_BOT_EMAIL"), zulipKey: os.Getenv("ZULIP_API_KEY"),
		s3URL: os.Getenv("S3_ENDPOINT_URL"), s3Access: os.Getenv("S3_ACCESS_KEY_ID"), s3Secret: os.Getenv("S3_SECRET_ACCESS_KEY"),
		s3Region: env("S3_REGION", "us-east-1"), transcriptBucket: env("TRANSCRIPT_BUCKET", "transcripts"),
		frontendURL: env("FRONTEND_URL", "http://localhost:3000"),
	}
}

func env(name, byDefault string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return byDefault
}

// graceSeconds is the time that running tasks have to finish after SIGTERM; others fail and are retried.
const graceSeconds = 20

// fleet holds what all workers share.
type fleet struct {
	config    config
	contracts *contracts
	store     *store
	tasks     *client.TaskResourceApiService
	workflows *client.WorkflowResourceApiService
	flights   singleflight.Group
	running   context.Context // ends when the fleet hands back its tasks
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, configFromEnv(), os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, c config, args []string) error {
	pool, err := pgxpool.New(ctx, c.databaseURL)
	if err != nil {
		return err
	}
	defer pool.Close()
	store := &store{pool}
	if len(args) == 1 && args[0] == "migrate" {
		return store.migrate(ctx)
	}
	running, cancel := context.WithCancel(context.Background())
	defer cancel()
	f := &fleet{config: c, store: store, running: running}
	if f.contracts, err = loadContracts(c.contracts); err != nil {
		return err
	}
	logrus.SetLevel(logrus.WarnLevel)
	api := client.NewAPIClientFromEnv()
	f.tasks = &client.TaskResourceApiService{APIClient: api}
	f.workflows = &client.WorkflowResourceApiService{APIClient: api}
	workers := f.workers()
	runner := worker.NewTaskRunnerWithApiClient(api)
	for name, execute := range workers {
		if err := runner.StartWorker(name, execute, 16, 100*time.Millisecond); err != nil {
			return err
		}
	}
	log.Printf("%d workers poll", len(workers))
	<-ctx.Done()
	time.AfterFunc(graceSeconds*time.Second, cancel)
	for name := range workers {
		runner.Shutdown(name)
	}
	runner.WaitWorkers()
	return nil
}
