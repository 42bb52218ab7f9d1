package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// deleteObject deletes an object in a path-style bucket; a missing object is no error.
func (f *fleet) deleteObject(ctx context.Context, bucket, key string) error {
	segments := strings.Split(bucket+"/"+key, "/")
	for i, segment := range segments {
		segments[i] = strings.ReplaceAll(url.QueryEscape(segment), "+", "%20")
	}
	r, err := request("DELETE", f.config.s3URL, "/"+strings.Join(segments, "/"), "", nil)
	if err != nil {
		return err
	}
	f.signV4(r, time.Now().UTC())
	status, _, err := send(ctx, "S3", 10*time.Second, r)
	if err != nil || status < 300 || status == http.StatusNotFound {
		return err
	}
	return refused("S3", status, nil)
}

// signV4 signs a request without a body or query (AWS Signature Version 4).
func (f *fleet) signV4(r *http.Request, now time.Time) {
	empty := hex.EncodeToString(sha256.New().Sum(nil))
	stamp := now.Format("20060102T150405Z")
	scope := fmt.Sprintf("%s/%s/s3/aws4_request", stamp[:8], f.config.s3Region)
	r.Header.Set("X-Amz-Date", stamp)
	r.Header.Set("X-Amz-Content-Sha256", empty)
	const signed = "host;x-amz-content-sha256;x-amz-date"
	canonical := fmt.Sprintf("%s\n%s\n\nhost:%s\nx-amz-content-sha256:%s\nx-amz-date:%s\n\n%s\n%s",
		r.Method, r.URL.EscapedPath(), r.URL.Host, empty, stamp, signed, empty)
	digest := sha256.Sum256([]byte(canonical))
	key := []byte("AWS4" + f.config.s3Secret)
	for _, part := range []string{stamp[:8], f.config.s3Region, "s3", "aws4_request"} {
		key = mac(key, part)
	}
	signature := mac(key, fmt.Sprintf("AWS4-HMAC-SHA256\n%s\n%s\n%x", stamp, scope, digest))
	r.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%x",
		f.config.s3Access, scope, signed, signature))
}

func mac(key []byte, message string) []byte {
	sum := hmac.New(sha256.New, key)
	sum.Write([]byte(message))
	return sum.Sum(nil)
}
