// An authorization server of another make, in its smallest form: all that a Rafiki node asks of one is what a token
// allows. The tokens are those of a file; a server of yours looks them up where it keeps its grants.
//
//	go run ./examples/authserver 127.0.0.1:3106 examples/authserver/tokens.json
//
// It lacks WatchRevocations and GrantAdminService, which are optional: the node says so at its start, asks about the
// token of each request, and tells nobody of changes of its tenants. tests/conformance/auth_server tests any server.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"slices"
	"syscall"

	introspectionv1 "github.com/interledger/rafiki/clients/go/introspection/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// wider names the action that includes another one: everybody's resources, not only the client's own.
var wider = map[string]string{"read": "read-all", "list": "list-all"}

type token struct {
	grant    string
	tenantID string
	client   *introspectionv1.Client
	access   []*introspectionv1.Access
}

type server struct {
	introspectionv1.UnimplementedIntrospectionServiceServer
	active map[string]token
}

func (s *server) Introspect(_ context.Context, request *introspectionv1.IntrospectRequest) (*introspectionv1.IntrospectResponse, error) {
	found, ok := s.active[request.AccessToken]
	if !ok {
		return &introspectionv1.IntrospectResponse{}, nil
	}
	response := &introspectionv1.IntrospectResponse{
		Active: true,
		Grant:  proto.String(found.grant),
		Access: covering(found.access, request.Access),
		Client: found.client,
	}
	if found.tenantID != "" {
		response.TenantId = proto.String(found.tenantID)
	}
	return response, nil
}

// covering gives the granted items that cover what is asked, or all of them when nothing is.
func covering(granted, asked []*introspectionv1.Access) []*introspectionv1.Access {
	if len(asked) == 0 {
		return granted
	}
	var found []*introspectionv1.Access
	for _, item := range granted {
		if slices.ContainsFunc(asked, func(wanted *introspectionv1.Access) bool { return covers(item, wanted) }) {
			found = append(found, item)
		}
	}
	return found
}

func covers(item, wanted *introspectionv1.Access) bool {
	if item.Type != wanted.Type {
		return false
	}
	for _, action := range wanted.Actions {
		if !slices.Contains(item.Actions, action) && !slices.Contains(item.Actions, wider[action]) {
			return false
		}
	}
	if item.Identifier != nil && wanted.Identifier != nil && *item.Identifier != *wanted.Identifier {
		return false
	}
	return wanted.Limits == nil || proto.Equal(wanted.Limits, item.Limits)
}

func readTokens(path string) (map[string]token, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var entries []struct {
		Token    string            `json:"token"`
		Active   *bool             `json:"active"`
		Grant    string            `json:"grant"`
		TenantID string            `json:"tenant_id"`
		Client   json.RawMessage   `json:"client"`
		Access   []json.RawMessage `json:"access"`
	}
	if err := json.Unmarshal(raw, &entries); err != nil {
		return nil, err
	}
	active := map[string]token{}
	for _, entry := range entries {
		if entry.Active != nil && !*entry.Active {
			continue
		}
		known := token{grant: entry.Grant, tenantID: entry.TenantID, client: &introspectionv1.Client{}}
		if err := protojson.Unmarshal(entry.Client, known.client); err != nil {
			return nil, fmt.Errorf("client of %s: %w", entry.Grant, err)
		}
		for _, item := range entry.Access {
			access := &introspectionv1.Access{}
			if err := protojson.Unmarshal(item, access); err != nil {
				return nil, fmt.Errorf("access of %s: %w", entry.Grant, err)
			}
			known.access = append(known.access, access)
		}
		active[entry.Token] = known
	}
	return active, nil
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: authserver <host:port> <file of tokens>")
	}
	active, err := readTokens(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	serving := grpc.NewServer()
	introspectionv1.RegisterIntrospectionServiceServer(serving, &server{active: active})
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-stop
		serving.GracefulStop()
	}()
	fmt.Println(listener.Addr())
	if err := serving.Serve(listener); err != nil {
		log.Fatal(err)
	}
}
