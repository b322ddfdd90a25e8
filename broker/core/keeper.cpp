#include "broker/core/keeper.hpp"

#include <algorithm>

#include "broker/base/assert.hpp"
#include "broker/core/broker.hpp"
#include "broker/core/link.hpp"
#include "broker/core/shard.hpp"

namespace drawbridge::core {

Keeper::Keeper(Shard& shard) : shard_(shard) {}

Keeper::~Keeper() = default;

void Keeper::use(Journal& journal, bool answers_wait) {
    journal_ = &journal;
    answers_wait_ = answers_wait;
    const unsigned shards = shard_.broker().shards();
    open_turns_ = std::vector<OpenTurns>(shards);
    others_.resize(shards);
    seen_.resize(shards);
    settled_ = std::make_unique<SettledRounds[]>(shards);
    origin_ = shard_.index();
    journal.on_news(shard_.index(), [this] {
        news_.store(true, std::memory_order_release);
        shard_.wake();
    });
}

// --- the turn ------------------------------------------------------------------------------------

void Keeper::begin_turn() {
    if (!is_on()) return;
    news_.store(false, std::memory_order_relaxed);
    note_committed();
    hear_of_others();
    for (Journal::Loaded& loaded : journal_->loaded(shard_.index())) take_in(loaded);
    end_looks_for_expired();
    if (!paused_.empty() && !journal_->full())
        for (Client* const client : std::exchange(paused_, {})) client->read_on();
    release();
}

void Keeper::note_committed() {
    const std::uint64_t number = journal_->committed(shard_.index());
    if (number == committed_number_) return;
    committed_number_ = number;
    while (!submitted_.empty() && submitted_.front().number <= number) {
        committed_round_ = submitted_.front().round;
        submitted_.pop_front();
    }
    journal_->take_back(shard_.index());
    for (auto at = with_queue_.begin(); at != with_queue_.end();) {
        SessionKeep& keep = *at++;
        while (!keep.under_way.empty() && keep.under_way.front().bundle <= number)
            keep.on_disk = keep.under_way.pop_front().seq;
        if (keep.session.leave_queue_to_disk()) with_queue_.erase(with_queue_.iterator_to(keep));
    }
}

void Keeper::begin_mail(unsigned from, std::uint64_t round) {
    origin_ = from;
    origin_round_ = round;
}

void Keeper::end_mail(bool holds_qos2) {
    const unsigned from = std::exchange(origin_, shard_.index());
    const std::uint64_t round = std::exchange(origin_round_, 0);
    if (!is_on()) return;
    seen_[from] = round;
    if (!holds_qos2) return;
    seen_matters_ = true;
    want(Urgency::lazily);
}

void Keeper::end_turn() {
    if (!is_on()) return;
    forget_what_has_settled();
    const bool at_once = wanted_ == Urgency::in_front;
    const bool has_room = submitted_.size() < limits::journal_bundles_max;
    if (at_once || ((due_ || wanted_ >= Urgency::now) && has_room)) submit();
    if (has_unsaved()) return;
    if (submitted_.empty())
        committed_round_ = round_;
    else
        submitted_.back().round = round_;
}

void Keeper::turn_mailed() {
    if (!is_on()) return;
    release();
    tell_others();
    ++round_;
}

bool Keeper::has_unsaved() const {
    return !unsaved_.empty() || !retained_.empty() || !published_.empty() || !removed_.empty() ||
           !ended_.empty() || !ending_.empty();
}

void Keeper::want(Urgency urgency) {
    wanted_ = std::max(wanted_, urgency);
    if (urgency >= Urgency::now) return;
    const TimePoint at = shard_.now() + (urgency == Urgency::soon ? limits::journal_delay
                                                                  : limits::journal_lazy_delay);
    if (!due_ && (!is_set() || at < this->at())) shard_.deadlines().set(*this, at);
}

void Keeper::expired(TimePoint) { due_ = true; }

void Keeper::submit() {
    Submitted submitted;
    auto bundle = gather(submitted);
    wanted_ = Urgency::lazily;
    due_ = false;
    seen_matters_ = false;
    shard_.deadlines().cancel(*this);
    if (!bundle) return;
    const std::uint64_t number = journal_->submit(shard_.index(), std::move(bundle));
    ASSERT(number == submitted.number);
    last_number_ = number;
    submitted_.push_back(std::move(submitted));
}

// Null if there is nothing to tell.
std::unique_ptr<Bundle> Keeper::gather(Submitted& submitted) {
    auto bundle = std::make_unique<Bundle>();
    submitted.number = last_number_ + 1;
    submitted.round = round_;
    bundle->turn = round_;
    while (!unsaved_.empty()) {
        SessionKeep& keep = unsaved_.front();
        unsaved_.pop_front();
        keep.session.tell_journal(*bundle, submitted.open);
        if (keep.told > keep.on_disk &&
            (keep.under_way.empty() || keep.under_way.back().seq != keep.told))
            keep.under_way.push_back({submitted.number, keep.told});
        if (keep.session.has_queue_in_memory() && !keep.WithQueueHook::is_linked())
            with_queue_.push_back(keep);
    }
    std::ranges::sort(retained_);
    const auto twice = std::ranges::unique(retained_);
    retained_.erase(twice.begin(), twice.end());
    bundle->retained = std::exchange(retained_, {});
    bundle->published = std::exchange(published_, {});
    for (KeptRange& range : removed_) bundle->removed.push_back(range);
    removed_.clear();
    bundle->ended = std::exchange(ended_, {});
    for (KeptSession& row : ending_) bundle->sessions.push_back(std::move(row));
    ending_.clear();
    const bool empty =
        bundle->sessions.empty() && bundle->subscriptions.empty() && bundle->received.empty() &&
        bundle->messages.empty() && bundle->progress.empty() && bundle->removed.empty() &&
        bundle->ended.empty() && bundle->retained.empty() && bundle->published.empty();
    if (empty && !seen_matters_) return nullptr;
    seen_[shard_.index()] = round_;
    bundle->seen = seen_;
    bundle->bytes = bytes_of(*bundle);
    return bundle;
}

// --- what settles --------------------------------------------------------------------------------

OpenTurnPtr Keeper::open_turn() {
    ++opened_;
    if (cause_) return cause_;
    return open_turns_[origin_].open(origin_round_ == 0 ? round_ : origin_round_);
}

// What was safe is forgotten where it was once this round has settled, here as well: who has taken
// it may hand it on before it is on disk there.
void Keeper::begin_handing_on(const OpenTurnPtr& from) {
    if (is_on()) cause_ = from ? from : open_turns_[shard_.index()].open(round_);
}

void Keeper::note_forwarded() {
    if (!is_on()) return;
    forwarded_.push_back({round_, open_turn()});
}

void Keeper::hear_of_others() {
    Broker& broker = shard_.broker();
    for (unsigned shard = 0; shard < broker.shards(); ++shard) {
        if (shard == shard_.index()) continue;
        const SettledRounds& settled = broker.shard(shard).keeper().settled(shard_.index());
        if (settled.version() != others_[shard].settled.version)
            others_[shard].settled = settled.read();
    }
}

// Of a round that was over before. One that was not mailed to a shard counts as settled there once
// that has seen all that was mailed.
bool Keeper::others_have_settled(std::uint64_t round) const {
    for (const Other& other : others_) {
        const SettledRounds::State& settled = other.settled;
        if (settled.seen < round && settled.seen < other.last_mailed) return false;
        if (std::ranges::binary_search(settled.open, round)) return false;
    }
    return true;
}

// Of all rounds up to this one, and here, too.
bool Keeper::has_settled_all(std::uint64_t up_to) const {
    if (up_to >= round_ || open_turns_[shard_.index()].is_any_open(up_to)) return false;
    return std::ranges::all_of(others_, [&](const Other& other) {
        const SettledRounds::State& settled = other.settled;
        return settled.seen >= std::min(up_to, other.last_mailed) &&
               (settled.open.empty() || settled.open.front() > up_to);
    });
}

void Keeper::forget_what_has_settled() {
    std::erase_if(forwarded_, [&](const Forwarded& forwarded) {
        return forwarded.round < round_ && others_have_settled(forwarded.round);
    });
    std::erase_if(published_, [&](const KeptPublish& kept) {
        return kept.turn < round_ && others_have_settled(kept.turn);
    });
    while (!handed_on_.empty() && has_settled_all(handed_on_.front().round)) {
        const KeptRange range = handed_on_.front().range;
        handed_on_.pop_front();
        if (range.last == 0)
            ended_.push_back(range.session);
        else
            removed_.push_back(range);
        want(Urgency::lazily);
    }
}

// Other shards hear what has settled of theirs.
void Keeper::tell_others() {
    Broker& broker = shard_.broker();
    if (broker.shards() == 1) return;
    const bool waits = !held_.empty() || !forwarded_.empty() || !handed_on_.empty();
    waits_.store(waits, std::memory_order_seq_cst);
    for (unsigned origin = 0; origin < broker.shards(); ++origin) {
        if (origin == shard_.index()) continue;
        if (!settled_[origin].publish(seen_[origin], open_turns_[origin])) continue;
        Shard& other = broker.shard(origin);
        if (other.keeper().waits_for_others()) other.wake();
    }
}

bool Keeper::has_work() const {
    if (!is_on()) return false;
    if (news_.load(std::memory_order_acquire)) return true;
    if (journal_->committed(shard_.index()) != committed_number_) return true;
    if (!waits_.load(std::memory_order_relaxed)) return false;
    Broker& broker = shard_.broker();
    for (unsigned shard = 0; shard < broker.shards(); ++shard)
        if (shard != shard_.index() &&
            broker.shard(shard).keeper().settled(shard_.index()).version() !=
                others_[shard].settled.version)
            return true;
    return false;
}

// --- what is to be kept --------------------------------------------------------------------------

void Keeper::note(SessionKeep& keep, Urgency urgency) {
    if (!keep.UnsavedHook::is_linked()) unsaved_.push_back(keep);
    const bool alone = shard_.broker().shards() == 1;
    want(alone ? std::min(urgency, Urgency::now) : urgency);
}

void Keeper::note_retained(std::string_view topic, Urgency urgency) {
    if (!is_on()) return;
    retained_.emplace_back(topic);
    want(urgency);
}

void Keeper::note_published(const MessageView& message, std::uint64_t group, unsigned receiver) {
    KeptPublish kept;
    kept.turn = round_;
    kept.place = static_cast<std::uint32_t>(published_.size());
    kept.message = Message::copy_of(message);
    kept.group = group;
    kept.receiver_shard = receiver;
    published_.push_back(std::move(kept));
    want(Urgency::in_front);
}

void Keeper::note_ended(SessionId id, bool once_settled) {
    if (once_settled) {
        handed_on_.push_back({round_, {id, 0, 0}});
    } else {
        ended_.push_back(id);
    }
    want(Urgency::lazily);
}

void Keeper::note_ending(KeptSession&& row) {
    ending_.push_back(std::move(row));
    want(Urgency::lazily);
}

void Keeper::note_handed_on(SessionKeep& keep, std::uint64_t seq, std::uint8_t qos) {
    if (qos == 1) keep.handed_on_in = round_;
    note_handed_on(keep.id, seq, qos);
}

// Of QoS 2 it is one moment on disk in which it goes from one to the other. At QoS 1 it may be with
// both for a while.
void Keeper::note_handed_on(SessionId session, std::uint64_t seq, std::uint8_t qos) {
    if (qos == 1)
        handed_on_.push_back({round_, {session, seq, seq}});
    else
        removed_.push_back({session, seq, seq});
    want(Urgency::lazily);
}

// --- what has to wait ----------------------------------------------------------------------------

bool Keeper::is_safe(std::uint64_t round, Until until) const {
    if (!answers_wait_) return true;
    if (has(until, Until::committed) && committed_round_ < round) return false;
    if (!has(until, Until::settled)) return true;
    return !open_turns_[shard_.index()].is_open(round) && others_have_settled(round);
}

void Keeper::note_held(HeldAnswers& held, Until until) {
    if (!held.is_linked()) held_.push_back(held);
    if (has(until, Until::committed)) want(Urgency::now);
}

void Keeper::hold(Link& link) {
    want(Urgency::now);
    link.held = true;
    held_links_.emplace_back(&link, round_);
}

void Keeper::forget(Link& link) {
    if (!std::exchange(link.held, false)) return;
    std::erase_if(held_links_, [&](const auto& held) { return held.first == &link; });
}

// Each client has its answers in order, so the first that has to wait holds up the others.
void Keeper::release() {
    for (auto at = held_.begin(); at != held_.end();) {
        HeldAnswers& held = *at++;
        held.client.release_held();
    }
    while (!held_links_.empty() && is_safe(held_links_.front().second, Until::committed)) {
        Link& link = *held_links_.front().first;
        held_links_.erase(held_links_.begin());
        link.held = false;
        shard_.mark_dirty(link);
    }
}

void Keeper::note_paused(Client& client) { paused_.push_back(&client); }

void Keeper::forget_paused(Client& client) { std::erase(paused_, &client); }

}  // namespace drawbridge::core
