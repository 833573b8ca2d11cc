package grpcapi_test

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// fill sets every field of a message to something of its own; of a oneof it sets the first.
func fill(message protoreflect.Message, next *int64) {
	*next++
	if stamp, ok := message.Interface().(*timestamppb.Timestamp); ok {
		stamp.Seconds, stamp.Nanos = 1_700_000_000+*next, 7000
		return
	}
	if wait, ok := message.Interface().(*durationpb.Duration); ok {
		wait.Seconds = *next
		return
	}
	all := message.Descriptor().Fields()
	for i := range all.Len() {
		field := all.Get(i)
		if oneof := field.ContainingOneof(); oneof != nil && oneof.Fields().Get(0) != field {
			continue
		}
		switch {
		case field.IsMap():
			entries := message.Mutable(field).Map()
			key := protoreflect.ValueOfString(scalar(field.MapKey(), next).String()).MapKey()
			if field.MapValue().Kind() == protoreflect.MessageKind {
				fill(entries.Mutable(key).Message(), next)
			} else {
				entries.Set(key, scalar(field.MapValue(), next))
			}
		case field.IsList():
			list := message.Mutable(field).List()
			if field.Kind() == protoreflect.MessageKind {
				fill(list.AppendMutable().Message(), next)
			} else {
				list.Append(scalar(field, next))
			}
		case field.Kind() == protoreflect.MessageKind:
			fill(message.Mutable(field).Message(), next)
		default:
			message.Set(field, scalar(field, next))
		}
	}
}

func scalar(field protoreflect.FieldDescriptor, next *int64) protoreflect.Value {
	*next++
	switch field.Kind() {
	case protoreflect.StringKind:
		if field.Name() == "currency" {
			return protoreflect.ValueOfString("EUR")
		}
		return protoreflect.ValueOfString(fmt.Sprintf("%s_%d", field.Name(), *next))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(*next)
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(*next))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.EnumKind:
		values := field.Enum().Values()
		return protoreflect.ValueOfEnum(values.Get(1 + int(*next)%(values.Len()-1)).Number())
	default:
		panic(fmt.Sprintf("%s: a %v; say here how to fill it", field.FullName(), field.Kind()))
	}
}

// leaf is a place in a message that holds one value.
type leaf struct {
	path  string
	field protoreflect.FieldDescriptor
	set   func(to proto.Message, text string) // put another value there; text where it holds text
}

// leaves finds every place in a filled message, as protovalidate writes paths.
func leaves(message protoreflect.Message, path string, reach func(proto.Message) protoreflect.Message) []leaf {
	var found []leaf
	all := message.Descriptor().Fields()
	for i := range all.Len() {
		field := all.Get(i)
		at := string(field.Name())
		if path != "" {
			at = path + "." + at
		}
		if oneof := field.ContainingOneof(); oneof != nil && !message.Has(field) {
			continue
		}
		if name := message.Descriptor().FullName(); (name == "google.protobuf.Timestamp" || name == "google.protobuf.Duration") && field.Name() == "nanos" {
			continue
		}
		switch {
		case field.IsMap():
			message.Get(field).Map().Range(func(key protoreflect.MapKey, member protoreflect.Value) bool {
				place := fmt.Sprintf("%s[%q]", at, key.String())
				if field.MapValue().Kind() == protoreflect.MessageKind {
					found = append(found, leaves(member.Message(), place, func(m proto.Message) protoreflect.Message {
						return reach(m).Mutable(field).Map().Mutable(key).Message()
					})...)
				} else {
					found = append(found, leaf{place, field.MapValue(), func(m proto.Message, text string) {
						reach(m).Mutable(field).Map().Set(key, other(field.MapValue(), member, text))
					}})
				}
				return true
			})
		case field.IsList():
			for j := range message.Get(field).List().Len() {
				place := fmt.Sprintf("%s[%d]", at, j)
				member := message.Get(field).List().Get(j)
				if field.Kind() == protoreflect.MessageKind {
					found = append(found, leaves(member.Message(), place, func(m proto.Message) protoreflect.Message {
						return reach(m).Mutable(field).List().Get(j).Message()
					})...)
				} else {
					found = append(found, leaf{place, field, func(m proto.Message, text string) {
						reach(m).Mutable(field).List().Set(j, other(field, member, text))
					}})
				}
			}
		case field.Kind() == protoreflect.MessageKind:
			found = append(found, leaves(message.Get(field).Message(), at, func(m proto.Message) protoreflect.Message {
				return reach(m).Mutable(field).Message()
			})...)
		default:
			value := message.Get(field)
			found = append(found, leaf{at, field, func(m proto.Message, text string) {
				reach(m).Set(field, other(field, value, text))
			}})
		}
	}
	return found
}

func leavesOf(message proto.Message) []leaf {
	return leaves(message.ProtoReflect(), "", func(m proto.Message) protoreflect.Message { return m.ProtoReflect() })
}

func other(field protoreflect.FieldDescriptor, value protoreflect.Value, text string) protoreflect.Value {
	switch field.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(text)
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(value.Int() + 1000)
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(value.Int()) + 1000)
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(!value.Bool())
	case protoreflect.EnumKind:
		values := field.Enum().Values()
		for i := 1; i < values.Len(); i++ {
			if values.Get(i).Number() != value.Enum() {
				return protoreflect.ValueOfEnum(values.Get(i).Number())
			}
		}
	}
	panic(fmt.Sprintf("%s: a %v; say here how to change it", field.FullName(), field.Kind()))
}
