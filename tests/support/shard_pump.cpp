#include "tests/support/shard_pump.hpp"

#include <algorithm>

#include "broker/base/assert.hpp"
#include "broker/base/log.hpp"
#include "broker/core/text_hash.hpp"
#include "broker/wire/framer.hpp"
#include "tests/support/test_identity.hpp"

namespace drawbridge::test {

ShardPump::ShardPump(const core::Settings& settings, unsigned shards,
                     std::optional<std::uint64_t> seed)
    : settings_(settings), in_turn_(shards), woken_(shards) {
    log::set_level(log::Level::error);
    core::seed_text_hash(seed.value_or(1));
    broker_ = std::make_unique<core::Broker>(settings, shards);
    if (seed) chance_.emplace(*seed);
}

void ShardPump::keep_in(MemoryJournal& journal) {
    journal_ = &journal;
    journal.retained = &broker_->retained();
    for (unsigned shard = 0; shard < broker_->shards(); ++shard) {
        broker_->shard(shard).keeper().use(journal, true);
        broker_->shard(shard).wake = [this, shard] { woken_[shard] = true; };
    }
    journal.recover(*broker_, now_, [this](const std::string& id) -> core::IdentityPtr {
        if (owners_gone.contains(id)) return nullptr;
        return std::make_shared<TestIdentity>(id);
    });
}

void ShardPump::die_and_begin_again(unsigned shards) {
    for (FakeLink* link : open_links_) {
        peer_reads(*link, chance_ ? (*chance_)() % (link->to_peer.size() + 1) : SIZE_MAX);
        link->to_peer.clear();
        link->lost = true;
        link->dirty = false;
        link->home = nullptr;
        link->session = nullptr;
        link->to_broker.clear();
    }
    journal_->die(broker_->shards());
    broker_ = std::make_unique<core::Broker>(settings_, shards);
    in_turn_.assign(shards, false);
    woken_.assign(shards, false);
    keep_in(*journal_);
}

std::uint64_t ShardPump::count(core::Counter core::Stats::*counter) {
    std::uint64_t sum = 0;
    for (unsigned shard = 0; shard < broker_->shards(); ++shard)
        sum += (broker_->shard(shard).stats().*counter).read();
    return sum;
}

std::string ShardPump::id_at(unsigned index, std::string_view name) const {
    for (int number = 1;; ++number) {
        std::string id = std::string(name) + '-' + std::to_string(number);
        if (broker_->home_of(id) == index % broker_->shards()) return id;
    }
}

FakeLink& ShardPump::open(Peer& peer, core::IdentityPtr identity) {
    links_.push_back(std::make_unique<FakeLink>(peer, std::move(identity)));
    open_links_.push_back(links_.back().get());
    return *links_.back();
}

void ShardPump::drop(FakeLink& link) {
    link.to_peer.clear();
    link.peer_gone = true;
}

void ShardPump::unblock(FakeLink& link) {
    run_on(link.home->index(), [&](core::Shard& home) {
        link.network_takes = true;
        link.has_news = !link.to_broker.empty();
        home.link_writable(link);
        home.mark_dirty(link);
    });
}

// --- all that can happen, in order ---------------------------------------------------------------

void ShardPump::settle() {
    if (chance_) {
        while (step()) {
        }
        return;
    }
    for (bool busy = true; busy;) {
        busy = false;
        for (unsigned shard = 0; shard < broker_->shards(); ++shard) busy |= turn(shard);
        busy |= peers_read();
        if (journal_ != nullptr && journal_->has_uncommitted()) {
            journal_->commit();
            busy = true;
        }
    }
}

void ShardPump::advance(Duration time) {
    settle();
    pass(time);
    settle();
}

void ShardPump::run_on(unsigned shard, const std::function<void(core::Shard&)>& task) {
    settle();
    core::Shard& home = broker_->shard(shard);
    home.begin_turn(now_);
    home.take_mail();
    task(home);
    home.end_turn();
    settle();
}

bool ShardPump::turn(unsigned shard) {
    if (!has_cause(shard)) return false;
    core::Shard& home = broker_->shard(shard);
    woken_[shard] = false;
    home.begin_turn(now_);
    home.take_mail();
    for (std::size_t i = 0; i < open_links_.size(); ++i) {
        FakeLink& link = *open_links_[i];
        if (reader_of(link) != shard) continue;
        if (is_readable(link)) read(link, link.to_broker.size());
        if (is_readable(link)) read(link, link.to_broker.size());  // what came behind CONNECT
        if (link.peer_gone && !link.ended()) notice_loss(link);
    }
    home.expire();
    home.end_turn();
    return true;
}

bool ShardPump::peers_read() {
    forget_ended_links();
    bool some = false;
    for (std::size_t i = 0; i < open_links_.size(); ++i) {
        FakeLink& link = *open_links_[i];
        some |= !link.to_peer.empty();
        peer_reads(link, link.to_peer.size());
    }
    return some;
}

void ShardPump::forget_ended_links() {
    std::erase_if(open_links_, [](const FakeLink* link) {
        return link->ended() && !link->dirty && link->to_peer.empty();
    });
}

// --- all that can happen, in any order -----------------------------------------------------------

bool ShardPump::step() {
    ASSERT(chance_);
    forget_ended_links();
    collect_actions();
    if (actions_.empty()) return false;
    perform(actions_[(*chance_)() % actions_.size()]);
    return true;
}

void ShardPump::collect_actions() {
    using Kind = Action::Kind;
    actions_.clear();
    for (unsigned shard = 0; shard < broker_->shards(); ++shard) {
        if (!in_turn_[shard]) {
            if (has_cause(shard)) actions_.push_back({Kind::begin_turn, shard});
            continue;
        }
        actions_.push_back({Kind::end_turn, shard});
        if (broker_->shard(shard).mailbox().has_mail())
            actions_.push_back({Kind::take_mail, shard});
        if (broker_->shard(shard).next_deadline() <= now_)
            actions_.push_back({Kind::expire, shard});
    }
    if (journal_ != nullptr && journal_->has_uncommitted()) actions_.push_back({Kind::commit, 0});
    for (FakeLink* link : open_links_) {
        if (!link->to_peer.empty()) actions_.push_back({Kind::peer_reads, 0, link});
        const unsigned shard = reader_of(*link);
        if (link->ended() || !in_turn_[shard]) continue;
        if (is_readable(*link))
            actions_.push_back({Kind::read, shard, link});
        else if (link->peer_gone)
            actions_.push_back({Kind::notice_loss, shard, link});
    }
}

void ShardPump::perform(const Action& action) {
    using Kind = Action::Kind;
    core::Shard& shard = broker_->shard(action.shard);
    switch (action.kind) {
        case Kind::begin_turn:
            in_turn_[action.shard] = true;
            woken_[action.shard] = false;
            return shard.begin_turn(now_);
        case Kind::take_mail:
            return shard.take_mail();
        case Kind::expire:
            return shard.expire();
        case Kind::end_turn:
            in_turn_[action.shard] = false;
            return shard.end_turn();
        case Kind::read:
            return read(*action.link, some_of(action.link->to_broker.size()));
        case Kind::notice_loss:
            return notice_loss(*action.link);
        case Kind::commit:
            return journal_->commit();
        case Kind::peer_reads:
            return peer_reads(*action.link, some_of(action.link->to_peer.size()));
    }
}

// All of it more often than not, so that long exchanges come to their end.
std::size_t ShardPump::some_of(std::size_t size) {
    return (*chance_)() % 4 != 0 ? size : 1 + (*chance_)() % size;
}

// --- the single things --------------------------------------------------------------------------

bool ShardPump::has_cause(unsigned index) {
    core::Shard& shard = broker_->shard(index);
    if (woken_[index] || shard.mailbox().has_mail() || shard.has_work() ||
        shard.next_deadline() <= now_)
        return true;
    return std::ranges::any_of(open_links_, [&](const FakeLink* link) {
        return !link->ended() && reader_of(*link) == index &&
               (is_readable(*link) || link->peer_gone);
    });
}

// A newcomer that waits for the end of a probe is not read.
bool ShardPump::is_readable(const FakeLink& link) const {
    if (link.ended() || !link.has_news || link.to_broker.empty()) return false;
    return link.home == nullptr || link.session != nullptr;
}

// A stranger is read by the home of its client id, which saves the move.
unsigned ShardPump::reader_of(const FakeLink& link) const {
    if (link.home != nullptr) return link.home->index();
    wire::Frame frame;
    if (wire::cut_frame(as_bytes(link.to_broker), SIZE_MAX, frame) != wire::Cut::complete) return 0;
    const auto request = core::ConnectRequest::read(frame.flags, frame.body);
    return request ? broker_->home_of((*request)->client_id) : 0;
}

void ShardPump::read(FakeLink& link, std::size_t size) {
    if (link.home == nullptr) return read_connect(link);
    link.home->take_mail();
    const bool whole = size == link.to_broker.size();
    const std::string bytes = link.to_broker.substr(0, size);
    const std::size_t used = link.home->receive(link, as_bytes(bytes));
    link.to_broker.erase(0, used);
    if (!whole) return;
    // What was left for want of room is looked at again when the network has taken some.
    const bool left = !link.to_broker.empty() && link.network_takes && link.session != nullptr &&
                      link.session->wants_room();
    link.has_news = left || link.pause == core::Link::Pause::this_turn;
}

void ShardPump::read_connect(FakeLink& link) {
    link.has_news = false;
    wire::Frame frame;
    if (wire::cut_frame(as_bytes(link.to_broker), SIZE_MAX, frame) != wire::Cut::complete) return;
    auto request = core::ConnectRequest::read(frame.flags, frame.body);
    ASSERT(request.has_value() && core::refuse_early((*request)->view()) == Reason::success);
    link.home = &broker_->shard(reader_of(link));
    (*request)->identity = link.identity;
    (*request)->client_id_assigned = (*request)->client_id.empty();
    if ((*request)->client_id_assigned)
        (*request)->client_id = broker_->draw_client_id(link.home->index());
    link.to_broker.erase(0, frame.size);
    link.has_news = !link.to_broker.empty();
    link.home->take_mail();
    link.home->admit(link, std::move(*request));
}

void ShardPump::notice_loss(FakeLink& link) {
    link.lost = true;
    if (link.home != nullptr) link.home->link_lost(link);
}

void ShardPump::peer_reads(FakeLink& link, std::size_t size) {
    if (link.to_peer.empty() || link.peer_gone) return link.to_peer.clear();
    const std::string bytes = link.to_peer.substr(0, size);
    link.to_peer.erase(0, size);
    link.peer.receive(link, as_bytes(bytes));
}

}  // namespace drawbridge::test
