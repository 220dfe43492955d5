import { DataTypes, Deferrable, Op, Sequelize } from 'sequelize'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { expectSame, reflectedAt } from '../testing/same-as-models.ts'
import { tablesFrom } from './index.ts'

let database: TestDatabase
let sequelize: Sequelize
const statements: string[] = []
beforeAll(async () => {
  database = await createDatabase('create schema shop; create extension citext')
  sequelize = new Sequelize(database.url, {
    logging: text => void statements.push(text),
    define: { underscored: true },
  })
  define(sequelize)
})
afterAll(async () => {
  await sequelize.close()
  await database.drop()
})

function define(sequelize: Sequelize): void {
  const User = sequelize.define(
    'User',
    {
      id: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
      name: { type: DataTypes.STRING(20), allowNull: false, defaultValue: "it's", unique: true },
      fullName: { type: DataTypes.VIRTUAL, get: () => 'x' },
      email: { type: DataTypes.CITEXT, unique: 'email_of_tenant' },
      tenant: { type: DataTypes.UUID, unique: 'email_of_tenant', defaultValue: DataTypes.UUIDV4 },
      mood: { type: DataTypes.ENUM('sad', "that's it"), defaultValue: "that's it" },
      moods: { type: DataTypes.ARRAY(DataTypes.ENUM('x', 'y')) },
      tags: { type: DataTypes.ARRAY(DataTypes.TEXT), defaultValue: ['a', "b's"] },
      none: { type: DataTypes.ARRAY(DataTypes.INTEGER), defaultValue: [] },
      price: { type: DataTypes.DECIMAL(10, 2), defaultValue: 0 },
      whole: { type: DataTypes.DECIMAL(10), allowNull: false },
      ratio: { type: DataTypes.FLOAT },
      double: { type: DataTypes.DOUBLE, defaultValue: 1.5 },
      real: { type: DataTypes.REAL },
      data: { type: DataTypes.JSONB, defaultValue: { b: [1], a: "it's" } },
      isOpen: { type: DataTypes.BOOLEAN, defaultValue: false, comment: 'to all' },
      born: { type: DataTypes.DATEONLY },
      at: { type: DataTypes.DATE, defaultValue: sequelize.literal('CURRENT_TIMESTAMP') },
      seen: { type: DataTypes.DATE, defaultValue: DataTypes.NOW },
      bytes: { type: DataTypes.BLOB },
      letters: { type: DataTypes.CHAR(3) },
      address: { type: DataTypes.INET },
      span: { type: DataTypes.RANGE(DataTypes.DATE) },
      clock: { type: DataTypes.TIME },
    },
    {
      comment: 'who uses it',
      indexes: [
        { fields: ['price'] },
        { fields: ['tenant', { name: 'price', order: 'DESC' }], unique: true },
        { fields: ['data'], using: 'gin' },
        { fields: [sequelize.fn('lower', sequelize.col('name'))], name: 'lower_name' },
        { fields: ['born'], where: { is_open: true, price: { [Op.gt]: 5 } }, name: 'open_born' },
      ],
    },
  )
  const Group = sequelize.define(
    'Group',
    { key: { type: DataTypes.BIGINT, primaryKey: true, autoIncrement: true, autoIncrementIdentity: true } },
    {
      schema: 'shop',
      timestamps: false,
      indexes: [{ fields: ['key'], where: { key: 5 }, name: 'fifth' }],
    },
  )
  const Order = sequelize.define(
    'Order',
    {
      id: { type: DataTypes.BIGINT, primaryKey: true, autoIncrement: true },
      userId: {
        type: DataTypes.INTEGER,
        field: 'buyer',
        references: { model: 'users', key: 'id', deferrable: Deferrable.INITIALLY_DEFERRED as any },
        onDelete: 'SET NULL',
      },
    },
    { paranoid: true, freezeTableName: true },
  )
  User.belongsToMany(Group, { through: 'memberships' })
  Group.belongsToMany(User, { through: 'memberships' })
  User.hasMany(Order, { foreignKey: { name: 'approverId', allowNull: false }, onDelete: 'RESTRICT' })
  Order.belongsTo(Group, { foreignKey: 'groupKey' })
  // A name without a schema is in the schema of the referring table.
  sequelize.define(
    'Part',
    { groupKey: { type: DataTypes.BIGINT, references: { model: 'groups', key: 'key' } } },
    { schema: 'shop', timestamps: false },
  )
  sequelize.define('Line', {
    number: { type: DataTypes.SMALLINT, primaryKey: true },
    part: { type: DataTypes.TEXT, primaryKey: true },
  })
}

test('models, with the join tables of belongsToMany, are what sync() makes of them', async () => {
  const before = statements.length
  const models = tablesFrom.sequelize(sequelize)
  expect(statements.length).toBe(before)
  await sequelize.sync()
  expectSame(models, await reflectedAt(database.url))
  const users = models.tables.find(({ name }) => name === 'users')!
  expect(users.columns.map(({ name }) => name)).not.toContain('full_name')
  const join = models.tables.find(({ name }) => name === 'memberships')!
  expect(join.primaryKey?.columns).toEqual(expect.arrayContaining(['user_id', 'group_key']))
  expect(
    join.foreignKeys.map(({ columns, references: { schema, table } }) => [...columns, schema, table]),
  ).toEqual([
    ['user_id', 'public', 'users'],
    ['group_key', 'shop', 'groups'],
  ])
})

test('what is no instance of Sequelize is told', () => {
  expect(() => tablesFrom.sequelize({} as any)).toThrow(
    expect.objectContaining({ code: 'EL_CONFIG', option: 'sequelize' }),
  )
})
