package wat

import "github.com/watfiber/watfiber/wat/op"

// This file reads types behind a mnemonic.

// typeUse reads (type x) (param …) (result …). Without (type x) the returned
// index is provisional: inlineType and the place in s.inline.
func (s *scanner) typeUse() uint32 {
	start := s.tok.start
	id, written := s.typeIndex()
	sig, inline := s.signature()
	if written {
		if inline {
			s.repeat = append(s.repeat, typeCheck{TypeID(id), sig, Span{start, s.tok.start}})
		}
		return id
	}
	return s.inlined(sig)
}

// typeIndex reads (type x) if it is there.
func (s *scanner) typeIndex() (uint32, bool) {
	if s.openKeyword() != "type" {
		return 0, false
	}
	s.advance()
	s.advance()
	at := s.tok
	id := uint32(s.index(spaceType))
	if id >= inlineType {
		s.fail(ErrName, at.span(), "", "unknown type %d", id)
		id = inlineType - 1
	}
	s.closing()
	return id, true
}

// signature reads (param …)* (result …)*.
func (s *scanner) signature() (sig FuncType, any bool) {
	for s.openKeyword() == "param" {
		sig.Params = s.typeList(sig.Params)
		any = true
	}
	for s.openKeyword() == "result" {
		sig.Results = s.typeList(sig.Results)
		any = true
	}
	return sig, any
}

// typeList reads a group such as (result i32 i64).
func (s *scanner) typeList(types []ValType) []ValType {
	s.advance()
	s.advance()
	for s.tok.kind == tokKeyword {
		t, ok := ParseValType(s.text(s.tok))
		if !ok {
			s.rep.unknownType(s.tok.span(), s.text(s.tok))
		}
		types = append(types, t)
		s.advance()
	}
	if s.tok.kind == tokOpen {
		s.expected("a type or )")
		s.skipTo(1)
		s.advance()
	}
	s.closing()
	return types
}

// unknownType returns message and hint for a word that stands where a type should,
// and is none.
func unknownType(word string) (msg, hint string) {
	if hint = otherVersion(word); hint == "" {
		var all []string
		for _, v := range valTypes {
			all = append(all, v.name)
		}
		hint = DidYouMean(word, all)
	}
	return "unknown type " + word, hint
}

func (r *report) unknownType(span Span, word string) {
	msg, hint := unknownType(word)
	r.add(ErrSyntax, span, hint, "%s", msg)
}

// closing reads a closing parenthesis.
func (s *scanner) closing() {
	if s.tok.kind != tokClose {
		s.expected(")")
		return
	}
	s.advance()
}

// blockType reads the type of a block, loop or if.
func (s *scanner) blockType() uint64 {
	start := s.tok.start
	id, written := s.typeIndex()
	sig, inline := s.signature()
	switch {
	case written:
		if inline {
			s.repeat = append(s.repeat, typeCheck{TypeID(id), sig, Span{start, s.tok.start}})
		}
		return uint64(BlockWith(TypeID(id)))
	case len(sig.Params) == 0 && len(sig.Results) == 0:
		return 0
	case len(sig.Params) == 0 && len(sig.Results) == 1:
		return uint64(BlockOf(sig.Results[0]))
	}
	return uint64(BlockWith(TypeID(s.inlined(sig))))
}

// inlined returns the provisional index of a type that stands only here.
func (s *scanner) inlined(sig FuncType) uint32 {
	s.inline = append(s.inline, sig)
	return inlineType + uint32(len(s.inline)-1)
}

// selectType reads the optional result types of select.
func (s *scanner) selectType() (op.Code, uint64) {
	if s.openKeyword() != "result" {
		return op.Select, 0
	}
	var types []ValType
	for s.openKeyword() == "result" {
		types = s.typeList(types)
	}
	at := len(s.body.Ext)
	s.body.Ext = append(s.body.Ext, uint64(len(types)))
	for _, t := range types {
		s.body.Ext = append(s.body.Ext, uint64(t))
	}
	return op.SelectT, uint64(at)
}

// heapType reads the type of the reference that ref.null makes.
func (s *scanner) heapType() uint64 {
	t := s.tok
	if t.kind == tokKeyword {
		for _, v := range []ValType{FuncRef, ExternRef} {
			if s.text(t) == v.HeapTypeName() {
				s.advance()
				return uint64(v)
			}
		}
	}
	s.expected("func or extern")
	return uint64(FuncRef)
}
