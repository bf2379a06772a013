// Command checkout keeps baskets and turns them into orders.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v4"
	"github.com/gorilla/mux"
	"github.com/redis/go-redis/v9"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
	"gopkg.in/yaml.v3"
)

type settings struct {
	Listen   string `yaml:"listen"`
	Redis    string `yaml:"redis"`
	Payments string `yaml:"payments"`
}

type line struct {
	Article string `json:"article"`
	Pieces  int    `json:"pieces"`
	Cents   int64  `json:"cents"`
}

type shop struct {
	settings settings
	baskets  *redis.Client
	key      []byte
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "-healthy" {
		os.Exit(healthy("http://localhost:8080/healthz"))
	}
	chosen, err := load(env("CHECKOUT_SETTINGS", "/etc/checkout.yaml"))
	if err != nil {
		log.Fatalf("settings: %v", err)
	}
	app := &shop{
		settings: chosen,
		baskets:  redis.NewClient(&redis.Options{Addr: chosen.Redis}),
		key:      []byte(env("SESSION_KEY", "")),
	}
	server := &http.Server{Addr: chosen.Listen, Handler: h2c.NewHandler(app.routes(), &http2.Server{})}
	log.Printf("checkout listens on %s", chosen.Listen)
	log.Fatal(server.ListenAndServe())
}

func healthy(address string) int {
	reply, err := http.Get(address)
	if err != nil || reply.StatusCode != http.StatusNoContent {
		return 1
	}
	return 0
}

func load(path string) (settings, error) {
	chosen := settings{Listen: ":8080", Redis: "redis:6379", Payments: "http://payments:8080"}
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return chosen, nil
	}
	if err != nil {
		return chosen, err
	}
	return chosen, yaml.Unmarshal(data, &chosen)
}

func (s *shop) routes() http.Handler {
	router := mux.NewRouter()
	router.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	router.HandleFunc("/basket", s.show).Methods(http.MethodGet)
	router.HandleFunc("/basket", s.add).Methods(http.MethodPost)
	router.HandleFunc("/order", s.order).Methods(http.MethodPost)
	return router
}

func (s *shop) customer(r *http.Request) (string, error) {
	text := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	claims := &jwt.RegisteredClaims{}
	_, err := jwt.ParseWithClaims(text, claims, func(*jwt.Token) (interface{}, error) { return s.key, nil })
	return claims.Subject, err
}

func (s *shop) show(w http.ResponseWriter, r *http.Request) {
	who, err := s.customer(r)
	if err != nil {
		http.Error(w, "sign in first", http.StatusUnauthorized)
		return
	}
	lines, err := s.lines(r.Context(), who)
	answer(w, lines, err)
}

func (s *shop) add(w http.ResponseWriter, r *http.Request) {
	who, err := s.customer(r)
	if err != nil {
		http.Error(w, "sign in first", http.StatusUnauthorized)
		return
	}
	var one line
	if err := json.NewDecoder(r.Body).Decode(&one); err != nil || one.Pieces < 1 {
		http.Error(w, "not a line of a basket", http.StatusBadRequest)
		return
	}
	text, _ := json.Marshal(one)
	answer(w, one, s.baskets.RPush(r.Context(), "basket:"+who, text).Err())
}

func (s *shop) order(w http.ResponseWriter, r *http.Request) {
	who, err := s.customer(r)
	if err != nil {
		http.Error(w, "sign in first", http.StatusUnauthorized)
		return
	}
	lines, err := s.lines(r.Context(), who)
	if err != nil || len(lines) == 0 {
		http.Error(w, "the basket is empty", http.StatusConflict)
		return
	}
	var total int64
	for _, one := range lines {
		total += one.Cents * int64(one.Pieces)
	}
	if err := s.pay(r.Context(), who, total); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	answer(w, map[string]int64{"cents": total}, s.baskets.Del(r.Context(), "basket:"+who).Err())
}

func (s *shop) pay(ctx context.Context, who string, cents int64) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	body, _ := json.Marshal(map[string]any{"customer": who, "cents": cents})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.settings.Payments+"/charge", strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return errors.New("the payment was refused")
	}
	return nil
}

func (s *shop) lines(ctx context.Context, who string) ([]line, error) {
	texts, err := s.baskets.LRange(ctx, "basket:"+who, 0, -1).Result()
	lines := make([]line, 0, len(texts))
	for _, text := range texts {
		var one line
		if json.Unmarshal([]byte(text), &one) == nil {
			lines = append(lines, one)
		}
	}
	return lines, err
}

func answer(w http.ResponseWriter, value any, err error) {
	if err != nil {
		http.Error(w, "try again later", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
