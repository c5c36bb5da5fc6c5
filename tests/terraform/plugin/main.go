// A Terraform provider that knows the shapes of resources and makes none of them.
//
// It serves the schema in schema.json, beside the program, and refuses values outside of the lists that the schema's
// descriptions give ("Possible values: […]"). Anything that would reach a cloud is refused.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5/tf5server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

type attribute struct {
	Type                         json.RawMessage
	Description                  string
	Required, Optional, Computed bool
}

type block struct {
	Attributes map[string]attribute
	BlockTypes map[string]nested `json:"block_types"`
}

type nested struct {
	Nesting  string `json:"nesting_mode"`
	MinItems int64  `json:"min_items"`
	MaxItems int64  `json:"max_items"`
	Block    block
}

type described struct{ Block block }

type file struct {
	Provider    described
	Resources   map[string]described `json:"resource_schemas"`
	DataSources map[string]described `json:"data_source_schemas"`
}

// What is not answered here, Terraform does not ask of a provider that it mocks.
type server struct {
	tfprotov5.ProviderServer
	file file
}

var nestings = map[string]tfprotov5.SchemaNestedBlockNestingMode{
	"single": tfprotov5.SchemaNestedBlockNestingModeSingle,
	"list":   tfprotov5.SchemaNestedBlockNestingModeList,
	"set":    tfprotov5.SchemaNestedBlockNestingModeSet,
}

func (d described) schema() *tfprotov5.Schema { return &tfprotov5.Schema{Block: d.Block.schema()} }

func (b block) schema() *tfprotov5.SchemaBlock {
	made := &tfprotov5.SchemaBlock{}
	for name, a := range b.Attributes {
		kind, err := tftypes.ParseJSONType(a.Type) //nolint:staticcheck // the form in which the schema is kept
		if err != nil {
			log.Fatalf("%s: type %s: %v", name, a.Type, err)
		}
		made.Attributes = append(made.Attributes, &tfprotov5.SchemaAttribute{
			Name: name, Type: kind, Required: a.Required, Optional: a.Optional, Computed: a.Computed,
		})
	}
	for name, n := range b.BlockTypes {
		made.BlockTypes = append(made.BlockTypes, &tfprotov5.SchemaNestedBlock{
			TypeName: name, Nesting: nestings[n.Nesting], MinItems: n.MinItems, MaxItems: n.MaxItems, Block: n.Block.schema(),
		})
	}
	return made
}

func schemas(all map[string]described) map[string]*tfprotov5.Schema {
	made := map[string]*tfprotov5.Schema{}
	for name, one := range all {
		made[name] = one.schema()
	}
	return made
}

func (s *server) GetMetadata(context.Context, *tfprotov5.GetMetadataRequest) (*tfprotov5.GetMetadataResponse, error) {
	return &tfprotov5.GetMetadataResponse{}, nil
}

func (s *server) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	return &tfprotov5.GetProviderSchemaResponse{
		Provider:          s.file.Provider.schema(),
		ResourceSchemas:   schemas(s.file.Resources),
		DataSourceSchemas: schemas(s.file.DataSources),
	}, nil
}

func (s *server) GetResourceIdentitySchemas(context.Context, *tfprotov5.GetResourceIdentitySchemasRequest) (*tfprotov5.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov5.GetResourceIdentitySchemasResponse{}, nil
}

func (s *server) PrepareProviderConfig(_ context.Context, r *tfprotov5.PrepareProviderConfigRequest) (*tfprotov5.PrepareProviderConfigResponse, error) {
	return &tfprotov5.PrepareProviderConfigResponse{PreparedConfig: r.Config}, nil
}

func (s *server) ConfigureProvider(context.Context, *tfprotov5.ConfigureProviderRequest) (*tfprotov5.ConfigureProviderResponse, error) {
	return &tfprotov5.ConfigureProviderResponse{Diagnostics: []*tfprotov5.Diagnostic{{
		Severity: tfprotov5.DiagnosticSeverityError,
		Summary:  "This provider is for tests: it knows shapes and reaches no cloud; mock it (mock_provider \"google\" {})",
	}}}, nil
}

func (s *server) ValidateResourceTypeConfig(_ context.Context, r *tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	found, err := check(s.file.Resources[r.TypeName], r.Config)
	return &tfprotov5.ValidateResourceTypeConfigResponse{Diagnostics: found}, err
}

func (s *server) ValidateDataSourceConfig(_ context.Context, r *tfprotov5.ValidateDataSourceConfigRequest) (*tfprotov5.ValidateDataSourceConfigResponse, error) {
	found, err := check(s.file.DataSources[r.TypeName], r.Config)
	return &tfprotov5.ValidateDataSourceConfigResponse{Diagnostics: found}, err
}

func (s *server) UpgradeResourceState(_ context.Context, r *tfprotov5.UpgradeResourceStateRequest) (*tfprotov5.UpgradeResourceStateResponse, error) {
	kind := s.file.Resources[r.TypeName].schema().ValueType()
	value, err := r.RawState.Unmarshal(kind)
	if err != nil {
		return nil, err
	}
	state, err := tfprotov5.NewDynamicValue(kind, value)
	return &tfprotov5.UpgradeResourceStateResponse{UpgradedState: &state}, err
}

func (s *server) StopProvider(context.Context, *tfprotov5.StopProviderRequest) (*tfprotov5.StopProviderResponse, error) {
	return &tfprotov5.StopProviderResponse{}, nil
}

var listed = regexp.MustCompile(`Possible values: (\[[^\]]*\])`)

// check names the values that are outside of the list that their description gives.
func check(d described, given *tfprotov5.DynamicValue) ([]*tfprotov5.Diagnostic, error) {
	value, err := given.Unmarshal(d.schema().ValueType())
	if err != nil {
		return nil, err
	}
	var found []*tfprotov5.Diagnostic
	err = tftypes.Walk(value, func(path *tftypes.AttributePath, v tftypes.Value) (bool, error) {
		var text string
		if !v.IsKnown() || v.IsNull() || !v.Type().Is(tftypes.String) || v.As(&text) != nil {
			return true, nil
		}
		allowed := d.Block.allowed(path.Steps())
		if len(allowed) > 0 && !slices.Contains(allowed, text) {
			found = append(found, &tfprotov5.Diagnostic{
				Severity: tfprotov5.DiagnosticSeverityError, Attribute: path,
				Summary: fmt.Sprintf("%q is not one of %s", text, strings.Join(allowed, ", ")),
			})
		}
		return true, nil
	})
	return found, err
}

// allowed returns the list that the description of the attribute at a path gives; none when it gives none.
func (b block) allowed(steps []tftypes.AttributePathStep) []string {
	for _, step := range steps {
		name, named := step.(tftypes.AttributeName)
		if !named {
			continue
		}
		if n, deeper := b.BlockTypes[string(name)]; deeper {
			b = n.Block
			continue
		}
		var values []string
		if m := listed.FindStringSubmatch(b.Attributes[string(name)].Description); m != nil {
			_ = json.Unmarshal([]byte(m[1]), &values)
		}
		return values
	}
	return nil
}

func main() {
	program, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	kept, err := os.ReadFile(filepath.Join(filepath.Dir(program), "schema.json"))
	if err != nil {
		log.Fatal(err)
	}
	served := &server{}
	if err := json.Unmarshal(kept, &served.file); err != nil {
		log.Fatal(err)
	}
	if err := tf5server.Serve("hashicorp/google", func() tfprotov5.ProviderServer { return served }); err != nil {
		log.Fatal(err)
	}
}
