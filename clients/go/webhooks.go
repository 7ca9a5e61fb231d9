package rafiki

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/gowebpki/jcs"
)

// WebhookHeader carries "t=<unix ms>, v1=<hex HMAC-SHA256>" over "<t>." and the RFC 8785 form of
// the body.
const WebhookHeader = "Rafiki-Signature"

// WebhookTolerance is how far a signature's time may be from ours, either way.
const WebhookTolerance = 5 * time.Minute

const (
	headerBytesMax = 1024
	timeDigitsMax  = 15
)

// ErrWebhookRefused means that a webhook is not from the node, or not of now: answer 401 and act
// on nothing.
var ErrWebhookRefused = errors.New("webhook refused")

// Webhook is the event in a webhook's body.
type Webhook struct {
	ID   string          `json:"id"`
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// VerifyWebhook gives the event in a webhook's body once its signature is verified. The header is
// the value of WebhookHeader, the body the bytes as received, the secret the node's
// SIGNATURE_SECRET, and now the time, time.Now().
func VerifyWebhook(header string, body []byte, secret string, now time.Time) (*Webhook, error) {
	signedAt, digest, err := parseHeader(header)
	if err != nil {
		return nil, err
	}
	if difference := now.UnixMilli() - signedAt; max(difference, -difference) > WebhookTolerance.Milliseconds() {
		return nil, errors.Join(ErrWebhookRefused, errors.New("the signature's time is not near ours"))
	}
	canonical, err := jcs.Transform(body)
	if err != nil {
		return nil, errors.Join(ErrWebhookRefused, err)
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(strconv.FormatInt(signedAt, 10) + "."))
	mac.Write(canonical)
	if !hmac.Equal(mac.Sum(nil), digest) {
		return nil, errors.Join(ErrWebhookRefused, errors.New("the signature does not match"))
	}
	var event Webhook
	if err := json.Unmarshal(body, &event); err != nil {
		return nil, errors.Join(ErrWebhookRefused, err)
	}
	return &event, nil
}

func parseHeader(header string) (int64, []byte, error) {
	malformed := errors.Join(ErrWebhookRefused, errors.New("the signature header is malformed"))
	if len(header) > headerBytesMax {
		return 0, nil, malformed
	}
	parts := map[string]string{}
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		parts[name] = value
	}
	// As a number without a sign: the text that is signed is the number's.
	signedAt, err := strconv.ParseUint(parts["t"], 10, 63)
	digest, badDigest := hex.DecodeString(parts["v1"])
	if err != nil || len(parts["t"]) > timeDigitsMax || badDigest != nil || len(digest) != sha256.Size {
		return 0, nil, malformed
	}
	return int64(signedAt), digest, nil
}
