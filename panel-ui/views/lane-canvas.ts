import { BOARD_MS } from '../model/quiet-lane.ts'
import { unitColor } from '../model/unit-color.ts'
import type { Lane, Segment } from '../../instrumentation/model/state.ts'
import { paletteOf, type Palette } from './palette.ts'

/** Where the lanes are on the canvas, in CSS pixels. */
export interface BoardGeometry {
  readonly width: number
  readonly height: number
  readonly laneHeight: number
  readonly trackTop: number
}

const TRACK = 14
const OWNER = 2
const RADIUS = 2
/** Rounded corners are invisible below this width, and a plain rectangle costs a tenth. */
const ROUND_FROM = 6
const PIXEL = 1

/** Draws the last ten seconds of a pool's lanes. */
export function drawLanes(
  context: CanvasRenderingContext2D,
  geometry: BoardGeometry,
  lanes: readonly (Lane | undefined)[],
  now: number,
): void {
  const scale = devicePixelRatio
  const palette = paletteOf(context, scale)
  context.setTransform(scale, 0, 0, scale, 0, 0)
  context.clearRect(0, 0, geometry.width, geometry.height)
  drawGrid(context, geometry, palette)
  lanes.forEach((lane, line) => {
    if (!lane) return
    context.save()
    context.translate(0, line * geometry.laneHeight + geometry.trackTop)
    drawLane(context, palette, lane.segments, geometry.width, now)
    context.restore()
  })
}

function drawGrid(
  context: CanvasRenderingContext2D,
  { width, height }: BoardGeometry,
  palette: Palette,
): void {
  context.fillStyle = palette.grid
  for (let second = 2; second < 10; second += 2) {
    context.fillRect(Math.round((width * second) / 10), 0, 1, height)
  }
}

function drawLane(
  context: CanvasRenderingContext2D,
  palette: Palette,
  segments: readonly Segment[],
  width: number,
  now: number,
): void {
  const perMs = width / BOARD_MS
  const start = now - BOARD_MS
  let drawnFrom = Number.POSITIVE_INFINITY
  // From the newest back: the walk ends at the edge of the picture, however much is kept.
  for (let i = segments.length - 1; i >= 0; i--) {
    const segment = segments[i]!
    const to = segment.to ?? now
    if (to < start) break
    if (segment.phase === 'free') continue
    const x = Math.max(0, (segment.from - start) * perMs)
    const right = Math.min(width, (to - start) * perMs)
    // Under heavy traffic hundreds fall on one pixel: the first one drawn stands for them all.
    if (right - x < PIXEL && drawnFrom - x < PIXEL) continue
    drawnFrom = x
    drawSegment(context, palette, segment, x, Math.max(1.5, right - x))
  }
}

function drawSegment(
  context: CanvasRenderingContext2D,
  palette: Palette,
  segment: Segment,
  x: number,
  width: number,
): void {
  const { phase, request } = segment
  const fill = palette.fills[phase]
  const stroke = palette.strokes[phase]
  if (fill && width < ROUND_FROM) {
    context.fillStyle = fill
    context.fillRect(x, 0, width, TRACK)
  } else if (fill) {
    context.fillStyle = fill
    context.beginPath()
    context.roundRect(x, 0, width, TRACK, RADIUS)
    context.fill()
  }
  if (stroke && width > 3) {
    context.strokeStyle = stroke
    context.lineWidth = phase === 'failed transaction' ? 1.5 : 1
    context.setLineDash(phase === 'connecting' ? [3, 2] : [])
    context.beginPath()
    context.roundRect(x + 0.75, 0.75, width - 1.5, TRACK - 1.5, RADIUS)
    context.stroke()
  }
  if (request !== null) {
    context.fillStyle = palette.units[unitColor(request)]!
    context.fillRect(x, TRACK + 1, width, OWNER)
  }
}
