// Swap: several files of the data directory are replaced by others, all or none, whenever the
// machine stops; and what was there is kept.
//
// The list of what is to be done is written first, into DIRECTORY/swap.pending. Once that is there
// the swap will be done: by this process or, if it was interrupted, by the next one that holds the
// directory. Meanwhile open_database refuses the directory, so nobody opens a log beside the wrong
// database, or makes an empty one.
//
// Owner: who holds the directory's lock. Failure: FileFailure.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace drawbridge::storage {

// Paths relative to the directory, without tabs and line breaks; each file or a whole directory.
struct Replacement {
    std::string target;
    std::string replacement;  // becomes target; "": target is only moved away
    std::string kept;         // what target is called from now on; nothing has this name yet
};

// What is in the replacements must be on disk already.
void swap_files(const std::filesystem::path& directory,
                const std::vector<Replacement>& replacements);

// Is one begun and not yet done?
bool is_swap_pending(const std::filesystem::path& directory);

// Completes one that was interrupted; false if there is none.
bool finish_swap(const std::filesystem::path& directory);

}  // namespace drawbridge::storage
