//! The records of one kind laid over each other, with sums that answer questions about any run of columns at once.
//!
//! Owns: the sums. Never: judges.

/// Numbers whose n · log2 n is kept.
const WEIGHTS: usize = 8_192;

/// Records of the same length, byte by byte.
pub struct Grid<'r> {
    /// The records.
    pub rows: Vec<&'r [u8]>,
    /// Bytes of a record.
    pub width: usize,
    /// Two-byte characters may stand in the text.
    pub two_byte: bool,
    digits: Vec<Vec<u16>>,
    blanks: Vec<Vec<u16>>,
    nonzero: Vec<Vec<u16>>,
    ends: Vec<Vec<u16>>,
    text: Vec<Vec<f32>>,
    constant: Vec<u16>,
    blank: Vec<u16>,
    /// Per column so many of each byte of `alphabet` in the columns before it, blanks left out.
    counts: Vec<u32>,
    weights: Vec<f32>,
    alphabet: usize,
    /// Per column: columns before it that are neither blanks nor digits, or digits and blanks, in all records, and changes between those.
    mixed: Vec<u16>,
    turns: Vec<u16>,
    /// Second bytes of a character in some record: no item begins here.
    pub inside: Vec<bool>,
}

impl<'r> Grid<'r> {
    /// `rows` are of `width` bytes each (at most 65,535), at least one.
    pub fn new(rows: Vec<&'r [u8]>, width: usize, two_byte: bool) -> Self {
        let mut grid = Grid {
            digits: Vec::new(),
            blanks: Vec::new(),
            nonzero: Vec::new(),
            ends: Vec::new(),
            text: Vec::new(),
            constant: vec![0; width + 1],
            blank: vec![0; width + 1],
            counts: Vec::new(),
            weights: (0..WEIGHTS).map(|n| n as f32 * (n.max(1) as f32).log2()).collect(),
            alphabet: 0,
            inside: vec![false; width + 1],
            mixed: vec![0; width + 1],
            turns: vec![0; width + 1],
            rows,
            width,
            two_byte,
        };
        for at in 0..grid.rows.len() {
            grid.add_sums(at);
        }
        for column in 0..width {
            let first = grid.rows[0][column];
            let same = grid.rows.iter().all(|row| row[column] == first);
            grid.constant[column + 1] = grid.constant[column] + u16::from(same);
            let blank = same && first == b' ';
            grid.blank[column + 1] = grid.blank[column] + u16::from(blank);
        }
        grid.count_bytes();
        grid.count_stripes();
        grid
    }

    fn count_stripes(&mut self) {
        let sort = |column: usize| {
            let blank = self.rows.iter().filter(|row| row[column] == b' ').count();
            let digits = self.rows.iter().filter(|row| row[column].is_ascii_digit()).count();
            match (blank, digits) {
                (_, 0) if blank == self.rows.len() => 1u8,
                // An item that some records do not have.
                (0, _) | (_, 2..) if blank + digits == self.rows.len() => 2,
                _ => 0,
            }
        };
        let sorts: Vec<u8> = (0..self.width).map(sort).collect();
        for column in 0..self.width {
            let turn = column > 0 && sorts[column] != sorts[column - 1];
            self.mixed[column + 1] = self.mixed[column] + u16::from(sorts[column] == 0);
            self.turns[column + 1] = self.turns[column] + u16::from(turn);
        }
    }

    /// Changes between columns of digits and columns of blanks in the run; none where anything else stands in it.
    pub fn stripes(&self, a: usize, b: usize) -> usize {
        if self.mixed[b] != self.mixed[a] { 0 } else { usize::from(self.turns[b] - self.turns[a + 1]) }
    }

    fn count_bytes(&mut self) {
        let mut number = [usize::MAX; 256];
        for byte in self.rows.iter().flat_map(|row| row.iter()).filter(|byte| **byte != b' ') {
            if number[usize::from(*byte)] == usize::MAX {
                number[usize::from(*byte)] = self.alphabet;
                self.alphabet += 1;
            }
        }
        let size = self.alphabet;
        self.counts = vec![0; (self.width + 1) * size];
        for column in 0..self.width {
            let (before, here) = (column * size, (column + 1) * size);
            self.counts.copy_within(before..here, here);
            for row in &self.rows {
                if row[column] != b' ' {
                    self.counts[here + number[usize::from(row[column])]] += 1;
                }
            }
        }
    }

    /// Bits of all bytes of the run but blanks, told by how often each stands there; the frequencies are told too.
    pub fn entropy_bits(&self, a: usize, b: usize) -> f32 {
        let size = self.alphabet;
        let (before, here) = (&self.counts[a * size..(a + 1) * size], &self.counts[b * size..(b + 1) * size]);
        let each = || before.iter().zip(here).map(|(x, y)| y - x).filter(|count| *count > 0);
        let (mut all, mut letters, mut used) = (0u32, 0u32, 0.0);
        for count in each() {
            all += count;
            letters += 1;
            used += self.weight(count);
        }
        let told = 1.0 + 0.5 * (all.max(1) as f32).log2();
        letters as f32 * told + self.weight(all) - used
    }

    /// n · log2 n.
    fn weight(&self, n: u32) -> f32 {
        self.weights.get(n as usize).copied().unwrap_or_else(|| n as f32 * (n as f32).log2())
    }

    fn add_sums(&mut self, at: usize) {
        let row = self.rows[at];
        let width = self.width;
        let mut digits = vec![0u16; width + 1];
        let mut blanks = vec![0u16; width + 1];
        let mut ends = vec![0u16; width + 1];
        let mut text = vec![0f32; width + 1];
        let mut nonzero = vec![width as u16; width + 1];
        let mut column = 0;
        while column < width {
            let pair = self.two_byte && is_lead(row[column]) && column + 1 < width;
            let step = if pair { 2 } else { 1 };
            let wide_blank = pair && row[column] == 0x81 && row[column + 1] == 0x40;
            for (i, byte) in row[column..column + step].iter().enumerate() {
                let to = column + i + 1;
                let blank = *byte == b' ' && !pair;
                digits[to] = digits[to - 1] + u16::from(byte.is_ascii_digit() && !pair);
                blanks[to] = blanks[to - 1] + u16::from(blank || wide_blank);
                ends[to] = if blank || wide_blank { ends[to - 1] } else { to as u16 };
                text[to] = text[to - 1] + if blank || wide_blank { 3.5 } else { 6.0 };
                self.inside[to - 1] |= i == 1;
            }
            column += step;
        }
        for column in (0..width).rev() {
            nonzero[column] = if row[column] == b'0' { nonzero[column + 1] } else { column as u16 };
        }
        self.digits.push(digits);
        self.blanks.push(blanks);
        self.ends.push(ends);
        self.text.push(text);
        self.nonzero.push(nonzero);
    }

    /// Number of digits of a record in the run.
    pub fn digits_in(&self, row: usize, a: usize, b: usize) -> usize {
        usize::from(self.digits[row][b] - self.digits[row][a])
    }

    /// Is the run all spaces in this record?
    pub fn blank_in(&self, row: usize, a: usize, b: usize) -> bool {
        usize::from(self.blanks[row][b] - self.blanks[row][a]) == b - a
    }

    /// Number of blanks of a record in the run.
    pub fn blanks_in(&self, row: usize, a: usize, b: usize) -> usize {
        usize::from(self.blanks[row][b] - self.blanks[row][a])
    }

    /// First column from `a` that is no `0`.
    pub fn next_nonzero(&self, row: usize, a: usize) -> usize {
        usize::from(self.nonzero[row][a])
    }

    /// Column after the last byte before `b` that is no padding.
    pub fn content_end(&self, row: usize, b: usize) -> usize {
        usize::from(self.ends[row][b])
    }

    /// Bits of the text of a record in the run.
    pub fn text_bits(&self, row: usize, a: usize, b: usize) -> f32 {
        self.text[row][b] - self.text[row][a]
    }

    /// The same bytes in every record?
    pub fn is_constant(&self, a: usize, b: usize) -> bool {
        usize::from(self.constant[b] - self.constant[a]) == b - a
    }

    /// Spaces in every record?
    pub fn is_blank(&self, a: usize, b: usize) -> bool {
        usize::from(self.blank[b] - self.blank[a]) == b - a
    }
}

/// First byte of a two-byte character of windows-31j.
pub fn is_lead(byte: u8) -> bool {
    matches!(byte, 0x81..=0x9F | 0xE0..=0xFC)
}
