package servertest

import (
	"context"
	"sync"

	"github.com/bidrail/bidrail/store"
)

// FakeStore is a store whose calls a test can get in the way of, also while it is in use.
type FakeStore struct {
	store.Store

	mutex  sync.Mutex
	view   func(ctx context.Context, fn func(store.Reader) error) error
	update func(ctx context.Context, fn func(store.Tx) error) error
}

// Under is an Option's argument: it puts the fake before the real store.
func (f *FakeStore) Under(real store.Store) store.Store {
	f.Store = real
	return f
}

// OnView replaces View; nil puts the real one back.
func (f *FakeStore) OnView(view func(ctx context.Context, fn func(store.Reader) error) error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.view = view
}

// OnUpdate replaces Update; nil puts the real one back.
func (f *FakeStore) OnUpdate(update func(ctx context.Context, fn func(store.Tx) error) error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.update = update
}

// View implements store.Store.
func (f *FakeStore) View(ctx context.Context, fn func(store.Reader) error) error {
	f.mutex.Lock()
	view := f.view
	f.mutex.Unlock()
	if view != nil {
		return view(ctx, fn)
	}
	return f.Store.View(ctx, fn)
}

// Update implements store.Store.
func (f *FakeStore) Update(ctx context.Context, fn func(store.Tx) error) error {
	f.mutex.Lock()
	update := f.update
	f.mutex.Unlock()
	if update != nil {
		return update(ctx, fn)
	}
	return f.Store.Update(ctx, fn)
}
