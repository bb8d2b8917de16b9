# Element headers of DICOM, little-endian (PS3.5 7.1, 7.5). Every index into the bytes of a
# file is checked.

cdef enum:
    DEEPEST_SEQUENCE = 16
    CUT = -1  # the bytes end inside
    UNUSUAL = -2  # for somebody else to read

cdef uint32_t UNDEFINED = 0xFFFFFFFFU
cdef uint32_t ITEM = 0xE000FFFEU
cdef uint32_t ITEM_END = 0xE00DFFFEU
cdef uint32_t SEQUENCE_END = 0xE0DDFFFEU

# Bytes of a header by VR, 0 where there is no such VR, and the two letters as an object.
cdef uint8_t[676] WIDTHS
cdef list LETTERS = [None] * 676


cdef inline int place_of(const uint8_t *vr) noexcept nogil:
    """Return the place of a VR in the tables, -1 for what is no two capital letters."""
    if vr[0] < 65 or vr[0] > 90 or vr[1] < 65 or vr[1] > 90:
        return -1
    return (vr[0] - 65) * 26 + vr[1] - 65


cdef void learn_vrs(bytes letters, uint8_t width):
    cdef int place
    for vr in letters.split():
        place = place_of(<const uint8_t *>(<bytes>vr))
        WIDTHS[place] = width
        LETTERS[place] = vr


for _place in range(676):
    WIDTHS[_place] = 0
learn_vrs(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US", 8)
# PS3.5 7.1.2: these have two reserved bytes and a length of four.
learn_vrs(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV", 12)


cdef inline uint32_t word(const uint8_t *at) noexcept nogil:
    return at[0] | at[1] << 8 | at[2] << 16 | <uint32_t>at[3] << 24


cdef inline uint32_t tag_at(const uint8_t *at) noexcept nogil:
    """Return a tag with its group in the upper half."""
    return at[2] | at[3] << 8 | at[0] << 16 | <uint32_t>at[1] << 24


def walk_elements(
    bytes content not None,
    int64_t at,
    bint explicit,
    uint32_t last_group,
    uint32_t previous,
    dict found not None,
):
    """Take note of elements that lie in the content one after the other.

    It stops before the first one that is not plain: of a group beyond the last, of an unknown
    VR, without a length, not behind the one before, or not whole.

    Parameters
    ----------
    content : bytes
        Part of a file.
    at : int
        Where the first element begins.
    explicit : bool
        Whether elements say their VR.
    last_group : int
    previous : int
        Tag of the element before, with its group in the upper half.
    found : dict
        Filled: tag -> VR (empty where implicit) and value.

    Returns
    -------
    tuple of int
        Where it stopped, and the tag of the element before.
    """
    cdef const uint8_t *bytes_ = content
    cdef int64_t size = len(content), start
    cdef uint32_t tag, length
    cdef int place, width
    cdef object vr = b""
    if at < 0:
        raise ValueError("walk_elements: no place in the content")
    while at + 12 <= size:
        tag = tag_at(bytes_ + at)
        if tag >> 16 > last_group or tag <= previous:
            break
        width = 8
        if explicit:
            place = place_of(bytes_ + at + 4)
            if place < 0 or WIDTHS[place] == 0:
                break
            width = WIDTHS[place]
            vr = LETTERS[place]
        if not explicit:
            length = word(bytes_ + at + 4)
        elif width == 12:
            length = word(bytes_ + at + 8)
        else:
            length = bytes_[at + 6] | bytes_[at + 7] << 8
        start = at + width
        if length == UNDEFINED or length > size - start:
            break
        found[tag] = (vr, content[start : start + length])
        previous = tag
        at = start + length
    return at, previous


def skip_items(bytes content not None, int64_t at, bint explicit, holds_items):
    """Return where a sequence of undefined length ends, its end mark included.

    Parameters
    ----------
    content : bytes
    at : int
        Where the first item begins.
    explicit : bool
        Whether elements say their VR.
    holds_items : callable
        Tells of a tag whether it is a sequence where no VR says so.

    Returns
    -------
    int
        -1 where the content ends inside the sequence, -2 where it is not one that this
        function understands.
    """
    if at < 0:
        raise ValueError("skip_items: no place in the content")
    return end_of_items(content, len(content), at, explicit, holds_items, 0)


cdef int64_t end_of_items(
    const uint8_t *content, int64_t size, int64_t at, bint explicit, holds_items, int depth
) except -3:
    cdef uint32_t tag, length
    if depth > DEEPEST_SEQUENCE:
        return UNUSUAL
    while at + 8 <= size:
        tag = word(content + at)
        length = word(content + at + 4)
        at += 8
        if tag == SEQUENCE_END:
            return at
        if tag != ITEM:
            return UNUSUAL
        if length != UNDEFINED:
            at += length
        else:
            at = end_of_item(content, size, at, explicit, holds_items, depth)
            if at < 0:
                return at
    return CUT


cdef int64_t end_of_item(
    const uint8_t *content, int64_t size, int64_t at, bint explicit, holds_items, int depth
) except -3:
    cdef uint32_t length
    cdef int place
    cdef bint sequence
    # An end mark has eight bytes, and a header that long may be the last.
    while at + 8 <= size:
        if word(content + at) == ITEM_END:
            return at + 8
        if explicit:
            place = place_of(content + at + 4)
            if place < 0 or WIDTHS[place] == 0:
                return UNUSUAL
            if WIDTHS[place] == 12:
                if at + 12 > size:
                    return CUT
                length = word(content + at + 8)
            else:
                length = content[at + 6] | content[at + 7] << 8
            sequence = content[at + 4] == c"S" and content[at + 5] == c"Q"
            if length != UNDEFINED or WIDTHS[place] == 8:
                at += WIDTHS[place] + length
                continue
            at += 12
        else:
            length = word(content + at + 4)
            if length != UNDEFINED:
                at += 8 + length
                continue
            sequence = holds_items(tag_at(content + at))
            at += 8
        if not sequence:
            return UNUSUAL
        at = end_of_items(content, size, at, explicit, holds_items, depth + 1)
        if at < 0:
            return at
    return CUT


cdef extern from *:
    """
    #ifdef _WIN32
    #define is_as_found(file, size, mtime_ns, ctime_ns, inode) 0
    #define read_on(file, into, from, to) (-1)
    #else
    #include <sys/stat.h>
    #include <unistd.h>
    #ifdef __APPLE__
    #define CHANGED_AT(status, kind) ((status).st_##kind##timespec)
    #else
    #define CHANGED_AT(status, kind) ((status).st_##kind##tim)
    #endif
    #define IN_NS(at) ((int64_t)(at).tv_sec * 1000000000 + (at).tv_nsec)
    static int is_as_found(int file, uint64_t size, int64_t mtime_ns, int64_t ctime_ns,
                           uint64_t inode)
    {
        struct stat now;
        return fstat(file, &now) == 0 && (uint64_t)now.st_size == size
            && IN_NS(CHANGED_AT(now, m)) == mtime_ns && IN_NS(CHANGED_AT(now, c)) == ctime_ns
            && (uint64_t)now.st_ino == inode;
    }
    static int64_t read_on(int file, uint8_t *into, int64_t from, int64_t to)
    {
        return pread(file, into + from, to - from, from);
    }
    #endif
    """
    bint is_as_found(
        int file, uint64_t size, int64_t mtime_ns, int64_t ctime_ns, uint64_t inode
    ) noexcept nogil
    int64_t read_on(int file, uint8_t *into, int64_t start, int64_t end) noexcept nogil


cdef enum:
    TRANSFER_SYNTAX = 0x00020010
    MODALITY = 0x00080060
    PIXEL_DATA = 0x7FE00010
    SHORT_HEADER = 4096  # most are shorter


cdef inline bint is_place_of_items(
    const uint8_t *at, uint32_t tag, bint explicit, holds_items
) except -1:
    """Tell whether an element without a length holds items, for pydicom as well."""
    if explicit:
        return at[4] == c"S" and at[5] == c"Q"
    return holds_items(tag)


cdef int element_at(
    const uint8_t *content,
    int64_t size,
    int64_t at,
    bint explicit,
    holds_items,
    int64_t *start,
    int64_t *end,
) except -1:
    """Say where the value of an element begins and ends; return 0 where that is not plain."""
    cdef int place, width = 8
    cdef uint32_t length
    if not explicit:
        length = word(content + at + 4)
    else:
        place = place_of(content + at + 4)
        if place < 0 or WIDTHS[place] == 0:
            return 0
        width = WIDTHS[place]
        length = word(content + at + 8) if width == 12 else content[at + 6] | content[at + 7] << 8
    start[0] = at + width
    if length == UNDEFINED:
        if not is_place_of_items(content + at, tag_at(content + at), explicit, holds_items):
            return 0
        end[0] = end_of_items(content, size, start[0], explicit, holds_items, 0)
        return end[0] >= 0
    end[0] = start[0] + length
    return end[0] <= size


cdef int syntax_of(const uint8_t *value, int64_t length) noexcept nogil:
    """Return 1 for a little-endian syntax that says its VRs, 0 for one that does not, else -1."""
    cdef const char *prefix = b"1.2.840.10008.1.2."
    cdef int64_t index
    while length > 0 and (value[length - 1] == 0 or value[length - 1] == 32):
        length -= 1
    if length < 17:
        return -1
    for index in range(min(length, 18)):
        if value[index] != <uint8_t>prefix[index]:
            return -1
    if length == 17:
        return 0
    # Explicit VR big endian, and deflated: 1.2.840.10008.1.2.2 and ...1.99.
    if length == 19 and value[18] == c"2":
        return -1
    if length == 22 and value[18] == c"1" and value[20] == c"9" and value[21] == c"9":
        return -1
    return 1


def pick_elements(
    bytes content not None,
    int64_t file_bytes,
    bytes wanted not None,
    bytes varying not None,
    tuple without_private not None,
    holds_items,
):
    """Return what a header says in some elements, where all of it is plain.

    Plain is a header that ends in the content before (7FE0,0010), whose pixels end in the file.

    Parameters
    ----------
    content : bytes
        Beginning of a file.
    file_bytes : int
        Size of the file.
    wanted, varying : bytes
        Tags, ascending, as native uint32; those that vary are no part of the key.
    without_private : tuple of bytes
        Modalities, as they are written, whose private elements are no part of the key.
    holds_items : callable
        Tells of a tag whether it is a sequence where no VR says so.

    Returns
    -------
    tuple or None
        A key, the same for two headers where they say the same in the wanted elements (and in
        the private ones) and have the same ones, of the same VRs, of those that vary; and the
        value of each of these, None where it is absent.
    """
    return picked(content, len(content), file_bytes, wanted, varying, without_private, holds_items)


def pick_elements_of_file(
    int file,
    uint64_t size,
    int64_t mtime_ns,
    int64_t ctime_ns,
    uint64_t inode,
    int64_t room,
    bytes wanted not None,
    bytes varying not None,
    tuple without_private not None,
    holds_items,
):
    """Return what `pick_elements` does, of the beginning of a file.

    Parameters
    ----------
    file : int
        Descriptor of an open file.
    size, mtime_ns, ctime_ns, inode : int
        Signature of the file as it was found.
    room : int
        Bytes that are read of it at most.
    wanted, varying, without_private, holds_items
        As `pick_elements` has them.

    Returns
    -------
    tuple or None
        None as well where the file cannot be read, or is not the one that was found.
    """
    if room <= 0:
        raise ValueError("pick_elements_of_file: there is no room")
    cdef uint8_t *content
    cdef int64_t n_read = 0, more, part
    cdef bint is_found
    with nogil:
        is_found = is_as_found(file, size, mtime_ns, ctime_ns, inode)
    if not is_found:
        return None
    content = <uint8_t *>malloc(room)
    if content == NULL:
        raise MemoryError
    try:
        for part in (min(<int64_t>SHORT_HEADER, room), room):
            with nogil:
                more = read_on(file, content, n_read, part)
            if more <= 0:
                return None
            n_read += more
            found = picked(content, n_read, size, wanted, varying, without_private, holds_items)
            if found is not None or n_read < part:
                return found
        return None
    finally:
        free(content)


cdef picked(
    const uint8_t *at_,
    int64_t size,
    int64_t file_bytes,
    bytes wanted,
    bytes varying,
    tuple without_private,
    holds_items,
):
    cdef int64_t at = 132, start = 0, end = 0, used = 0, length
    cdef const uint32_t *asked = <const uint32_t *><const uint8_t *>wanted
    cdef const uint32_t *apart = <const uint32_t *><const uint8_t *>varying
    cdef int64_t n_asked = len(wanted) // 4, n_apart = len(varying) // 4
    cdef int64_t next_asked = 0, next_apart = 0
    cdef uint32_t tag = 0, previous = 0
    cdef int syntax = -1
    cdef bint explicit = True, in_meta = True, private = True, is_plain = False
    cdef list found = [None] * n_apart
    cdef bytes key
    if size < 144 or at_[128] != c"D" or at_[129] != c"I" or at_[130] != c"C" or at_[131] != c"M":
        return None
    cdef uint8_t *kept = <uint8_t *>malloc(size)
    if kept == NULL:
        raise MemoryError
    try:
        while at + 12 <= size:
            tag = tag_at(at_ + at)
            if in_meta and tag >> 16 > 2:
                if syntax < 0:
                    return None
                in_meta, explicit, previous = False, syntax == 1, 0
            if tag <= previous or tag >> 16 >= 0x7FE0:
                break
            previous = tag
            if not element_at(at_, size, at, explicit, holds_items, &start, &end):
                return None
            if tag == TRANSFER_SYNTAX:
                syntax = syntax_of(at_ + start, end - start)
            elif tag == MODALITY:
                private = at_[start:end] not in without_private
            while next_asked < n_asked and asked[next_asked] < tag:
                next_asked += 1
            while next_apart < n_apart and apart[next_apart] < tag:
                next_apart += 1
            length = 0
            if next_apart < n_apart and apart[next_apart] == tag:
                found[next_apart] = at_[start:end]
                length = 6 if explicit else 4
            elif next_asked < n_asked and asked[next_asked] == tag:
                length = end - at
            elif tag & 0x10000 and private and not in_meta:
                length = end - at
            if length:
                memcpy(kept + used, at_ + at, length)
                used += length
            at = end
        is_plain = at + 12 <= size and tag == PIXEL_DATA and not in_meta
        if is_plain and explicit:
            is_plain = at_[at + 4] == c"O" and (at_[at + 5] == c"W" or at_[at + 5] == c"B")
        if not is_plain:
            return None
        start = at + (12 if explicit else 8)
        length = word(at_ + start - 4)
        if length != UNDEFINED and start + length > file_bytes:
            return None
        key = kept[:used]
    finally:
        free(kept)
    return key, found
