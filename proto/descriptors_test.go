// Package proto_test holds the API definition against the Go packages that serve it.
package proto_test

import (
	"os"
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/descriptorpb"
)

// TestThirdParty compares the copies under proto/third_party, which the API is compiled with, with the Go packages that the generated
// code is linked with. They come from different modules, so an update of one can leave the other behind.
//
// It reads what `buf build` makes of the files; `make descriptors` runs both.
func TestThirdParty(t *testing.T) {
	path := os.Getenv("BIDRAIL_DESCRIPTORS")
	if path == "" {
		t.Skip("BIDRAIL_DESCRIPTORS names no descriptor set; `make descriptors` builds one and runs this test")
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	set := new(descriptorpb.FileDescriptorSet)
	if err := proto.Unmarshal(content, set); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	compiled := make(map[string]*descriptorpb.FileDescriptorProto)
	for _, file := range set.GetFile() {
		compiled[file.GetName()] = file
	}
	for _, linked := range []protoreflect.FileDescriptor{
		validate.File_buf_validate_validate_proto,
		annotations.File_google_api_annotations_proto,
		annotations.File_google_api_http_proto,
	} {
		t.Run(linked.Path(), func(t *testing.T) {
			vendored, ok := compiled[linked.Path()]
			if !ok {
				t.Fatalf("not among the compiled files; see proto/third_party")
			}
			if diff := cmp.Diff(bare(protodesc.ToFileDescriptorProto(linked)), bare(vendored), protocmp.Transform()); diff != "" {
				t.Errorf("the copy differs from the Go package (-Go package +copy):\n%s", diff)
			}
		})
	}
}

// bare leaves out what has no bearing on messages: comments, and options for the code of each language.
func bare(file *descriptorpb.FileDescriptorProto) *descriptorpb.FileDescriptorProto {
	file = proto.CloneOf(file)
	file.SourceCodeInfo = nil
	file.Options = nil
	return file
}
