// Time is an argument. Nothing inside base, wire or core asks for it: the loop reads the clock once
// a turn and hands `now` down; tests hand down what they like.
#pragma once

#include <chrono>

namespace drawbridge {

using Clock = std::chrono::steady_clock;  // for deadlines: never jumps
using TimePoint = Clock::time_point;
using Duration = Clock::duration;
using WallClock = std::chrono::system_clock;  // for people and files
using WallTime = WallClock::time_point;

using std::chrono::milliseconds;
using std::chrono::seconds;

}  // namespace drawbridge
