package formats

import bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"

// The same constructors as in package client, which brings gRPC with it and is not imported for five lines.

func money(micros int64, currency string) *bidrailv1.Value {
	return &bidrailv1.Value{Value: &bidrailv1.Value_Money{Money: &bidrailv1.Money{Micros: micros, Currency: currency}}}
}

func ratio(ppm int64) *bidrailv1.Value {
	return &bidrailv1.Value{Value: &bidrailv1.Value_RatioPpm{RatioPpm: ppm}}
}

func text(text string) *bidrailv1.Value {
	return &bidrailv1.Value{Value: &bidrailv1.Value_Text{Text: text}}
}

func unlimited() *bidrailv1.Value {
	return &bidrailv1.Value{Value: &bidrailv1.Value_Unlimited{Unlimited: &bidrailv1.Unlimited{}}}
}

func absent() *bidrailv1.Value {
	return &bidrailv1.Value{Value: &bidrailv1.Value_Absent{Absent: &bidrailv1.Absent{}}}
}
