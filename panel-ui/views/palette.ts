import type { LanePhase } from '../../instrumentation/model/state.ts'

/** The theme's colours in a canvas's form, with the patterns that tell the phases apart without colour. */
export interface Palette {
  readonly exec: string
  readonly fills: Record<LanePhase, string | CanvasPattern | null>
  readonly strokes: Partial<Record<LanePhase, string>>
  readonly grid: string
  readonly units: readonly string[]
}

const palettes = new Map<string, Palette>()

export function paletteOf(context: CanvasRenderingContext2D, scale: number): Palette {
  const root = document.documentElement
  const key = `${root.dataset.theme} ${scale}`
  let palette = palettes.get(key)
  if (!palette) {
    const style = getComputedStyle(root)
    palette = makePalette(context, scale, name => style.getPropertyValue(`--${name}`).trim())
    palettes.set(key, palette)
  }
  return palette
}

function makePalette(
  context: CanvasRenderingContext2D,
  scale: number,
  color: (name: string) => string,
): Palette {
  return {
    exec: color('exec'),
    fills: {
      free: null,
      connecting: null,
      executing: color('exec'),
      held: dots(context, scale, color('hold'), color('exec')),
      'idle in transaction': diagonals(context, scale, color('tx-soft'), color('tx')),
      'failed transaction': color('bad-soft'),
    },
    strokes: {
      connecting: color('ink-3'),
      'failed transaction': color('bad'),
      'idle in transaction': color('tx'),
    },
    grid: color('line-soft'),
    units: Array.from({ length: 8 }, (_, i) => color(`u${i}`)),
  }
}

function dots(
  context: CanvasRenderingContext2D,
  scale: number,
  ground: string,
  dot: string,
): CanvasPattern | null {
  return tile(context, scale, 6, paint => {
    paint.fillStyle = ground
    paint.fillRect(0, 0, 6, 6)
    paint.fillStyle = dot
    paint.beginPath()
    paint.arc(3, 3, 1.1, 0, Math.PI * 2)
    paint.fill()
  })
}

function diagonals(
  context: CanvasRenderingContext2D,
  scale: number,
  ground: string,
  line: string,
): CanvasPattern | null {
  return tile(context, scale, 8, paint => {
    paint.fillStyle = ground
    paint.fillRect(0, 0, 8, 8)
    paint.strokeStyle = line
    paint.lineWidth = 2
    paint.beginPath()
    for (const x of [-8, 0, 8]) {
      paint.moveTo(x - 1, 9)
      paint.lineTo(x + 9, -1)
    }
    paint.stroke()
  })
}

function tile(
  context: CanvasRenderingContext2D,
  scale: number,
  size: number,
  draw: (paint: CanvasRenderingContext2D) => void,
): CanvasPattern | null {
  const canvas = document.createElement('canvas')
  canvas.width = size * scale
  canvas.height = size * scale
  const paint = canvas.getContext('2d')
  if (!paint) return null
  paint.scale(scale, scale)
  draw(paint)
  const pattern = context.createPattern(canvas, 'repeat')
  pattern?.setTransform(new DOMMatrix().scale(1 / scale))
  return pattern
}
