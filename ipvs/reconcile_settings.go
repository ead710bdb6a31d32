package ipvs

import (
	"context"
	"errors"
)

// reconcilerSettings is what has been done about the settings that the Spec asks for.
type reconcilerSettings struct {
	want Settings // of the Spec
	kept settingsKept
	said string // the last failure
}

// setSettings makes the kernel's settings those of the Spec; what it does not mention, or not any more, is what it was before. A
// failure is tried again with the next Spec or audit, and so is what somebody has changed. While services of before may still be there they
// keep what they need.
func (r *Reconciler) setSettings(ctx context.Context, gone bool) {
	s := &r.settings
	want := s.want
	if len(r.sequence) == 0 {
		want = Settings{} // as in a start without virtual servers, which leaves IPVS alone
	}
	if want[conntrack] == "" && !gone {
		want[conntrack] = s.kept.set[conntrack]
	}
	if r.kernel == nil || want == (Settings{}) && s.kept.set == (Settings{}) {
		return
	}
	now, err := r.kernel.Settings(ctx)
	if err != nil {
		r.settingsFailed(ctx, err)
		return
	}
	write, after := s.kept.next(now, want)
	if write != (Settings{}) {
		if err := r.kernel.SetSettings(ctx, write); err != nil {
			s.kept = s.kept.failed(after)
			r.settingsFailed(ctx, err)
			return
		}
		s.said = ""
	}
	s.kept = after
}

// restoreSettings gives the kernel back the settings that it had before.
func (r *Reconciler) restoreSettings(ctx context.Context, gone bool) {
	r.settings.want = Settings{}
	r.setSettings(ctx, gone)
}

func (r *Reconciler) settingsFailed(ctx context.Context, err error) {
	if ctx.Err() == nil && err.Error() != r.settings.said {
		r.settings.said = err.Error()
		r.log.Error("Cannot change the settings of IPVS", "err", err)
	}
	if errors.Is(err, ErrLost) {
		r.lose(err)
	}
}
