package rafiki_test

import (
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	rafiki "github.com/interledger/rafiki/clients/go"
)

func TestWebhooks(t *testing.T) {
	text, err := os.ReadFile("../vectors/webhooks.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Secret string
		Cases  []struct {
			Name, Header, Body string
			NowMs              int64 `json:"now_ms"`
			Valid              bool
		}
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, c := range vectors.Cases {
		t.Run(c.Name, func(t *testing.T) {
			event, err := rafiki.VerifyWebhook(c.Header, []byte(c.Body), vectors.Secret, time.UnixMilli(c.NowMs))
			if c.Valid && (err != nil || event == nil) {
				t.Fatalf("refused: %v", err)
			}
			if !c.Valid && !errors.Is(err, rafiki.ErrWebhookRefused) {
				t.Fatalf("not refused: %v", err)
			}
		})
	}
}
